"""Questions about carts."""

from cqrs.shop.v1.queries_pb2 import GetCartRequest, GetCartResponse
from cqrs.shop.v1.views_pb2 import CartView

from query_service.answer import Answer, One


def _cart(request: GetCartRequest) -> One:
    return One("shop.carts", CartView, f"cart:{request.user_id}")


def _get_cart(request: GetCartRequest, cart: CartView | None) -> GetCartResponse:
    return GetCartResponse(cart=cart if cart is not None else CartView(user_id=request.user_id))


ANSWERS = (Answer("cqrs.shop.v1.CartQueryService.GetCart", _cart, _get_cart),)
