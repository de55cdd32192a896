"""Questions about payments."""

from cqrs.shop.v1.errors_pb2 import SHOP_ERROR_PAYMENT_NOT_FOUND, ShopError
from cqrs.shop.v1.payment_queries_pb2 import GetPaymentRequest, GetPaymentResponse
from cqrs.shop.v1.views_pb2 import PaymentView

from query_service.answer import Answer, One
from runtime.refusals import Refusals

_refuse = Refusals(ShopError)


def _payment(request: GetPaymentRequest) -> One:
    return One("shop.payments", PaymentView, f"payment:{request.order_id}")


def _get_payment(request: GetPaymentRequest, payment: PaymentView | None) -> GetPaymentResponse:
    if payment is None:
        raise _refuse(SHOP_ERROR_PAYMENT_NOT_FOUND, "The order has no payment", order_id=request.order_id)
    return GetPaymentResponse(payment=payment)


ANSWERS = (Answer("cqrs.shop.v1.PaymentQueryService.GetPayment", _payment, _get_payment),)
