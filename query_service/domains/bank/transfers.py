"""Questions about transfers."""

from collections.abc import Sequence

from cqrs.bank.v1.errors_pb2 import BANK_ERROR_TRANSFER_NOT_FOUND, BankError
from cqrs.bank.v1.queries_pb2 import (
    GetTransferRequest,
    GetTransferResponse,
    ListFlaggedTransfersRequest,
    ListFlaggedTransfersResponse,
)
from cqrs.bank.v1.views_pb2 import TransferView

from query_service.answer import Answer, One, Page
from runtime.refusals import Refusals

PROJECTION = "bank.transfers"

_refuse = Refusals(BankError)


def _transfer(request: GetTransferRequest) -> One:
    return One(PROJECTION, TransferView, f"transfer:{request.transfer_id}")


def _get_transfer(request: GetTransferRequest, transfer: TransferView | None) -> GetTransferResponse:
    if transfer is None:
        text = f'Transfer "{request.transfer_id}" does not exist'
        raise _refuse(BANK_ERROR_TRANSFER_NOT_FOUND, text, transfer_id=request.transfer_id)
    return GetTransferResponse(transfer=transfer)


def _flagged(_request: ListFlaggedTransfersRequest) -> Page:
    return Page(PROJECTION, TransferView, "flagged")


def _list_flagged(
    _request: ListFlaggedTransfersRequest, transfers: Sequence[TransferView]
) -> ListFlaggedTransfersResponse:
    return ListFlaggedTransfersResponse(transfers=transfers)


ANSWERS = (
    Answer("cqrs.bank.v1.TransferQueryService.GetTransfer", _transfer, _get_transfer),
    Answer("cqrs.bank.v1.TransferQueryService.ListFlaggedTransfers", _flagged, _list_flagged),
)
