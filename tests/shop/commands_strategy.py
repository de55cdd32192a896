"""Random commands on one cart and one order, over few ids and prices so that they meet."""

from cqrs.shop.v1 import commands_pb2 as commands
from cqrs.shop.v1.types_pb2 import Address, OrderItem, PaymentMethod
from google.protobuf.message import Message
from hypothesis import strategies as st

from tests.shop.messages import ORDER_ID, USER, eur

PRODUCTS = st.sampled_from(["a", "b", "c"])
NAMES = st.sampled_from(["", "Apple", "Pear"])
ANY_CURRENCY = st.builds(eur, st.sampled_from([0, 5, 1999]), st.sampled_from(["EUR", "USD"]))
EUROS = st.builds(eur, st.sampled_from([0, 5, 1999]))
MANY = st.sampled_from([1, 2, 3, 999_999, 1_000_000])
ITEMS = st.lists(
    st.builds(OrderItem, product_id=PRODUCTS, product_name=NAMES, quantity=MANY, price=EUROS), min_size=1, max_size=4
)
STATUSES = st.sampled_from([1, 2, 3, 4, 5])
IN_CART, IN_ORDER = {"user_id": st.just(USER)}, {"order_id": st.just(ORDER_ID)}
PAID = {"payment": st.just(PaymentMethod(token="tok_ok")), "customer_email": st.just("ada@example.org")}

CART_COMMANDS: st.SearchStrategy[Message] = st.one_of(
    st.builds(commands.AddItemToCartRequest, **IN_CART, item_id=PRODUCTS, quantity=MANY, price=ANY_CURRENCY),
    st.builds(commands.RemoveItemFromCartRequest, **IN_CART, item_id=PRODUCTS, price=st.none() | ANY_CURRENCY),
    st.builds(
        commands.ChangeCartItemQuantityRequest,
        **IN_CART,
        item_id=PRODUCTS,
        quantity=st.just(0) | MANY,
        price=st.none() | ANY_CURRENCY,
    ),
    st.builds(commands.ClearCartRequest, **IN_CART),
    st.builds(commands.CheckoutCartRequest, **IN_CART, **PAID),
)

ORDER_COMMANDS: st.SearchStrategy[Message] = st.one_of(
    st.builds(commands.CreateOrderRequest, **IN_ORDER, customer_id=st.just(USER), items=ITEMS),
    st.builds(commands.PlaceOrderRequest, **IN_ORDER, **PAID, user_id=st.just(USER), items=ITEMS),
    st.builds(commands.ConfirmOrderRequest, **IN_ORDER),
    st.builds(
        commands.AddOrderItemRequest,
        **IN_ORDER,
        product_id=PRODUCTS,
        product_name=NAMES,
        quantity=MANY,
        price=ANY_CURRENCY,
    ),
    st.builds(commands.RemoveOrderItemRequest, **IN_ORDER, product_id=PRODUCTS, price=st.none() | EUROS),
    st.builds(
        commands.ChangeOrderItemQuantityRequest,
        **IN_ORDER,
        product_id=PRODUCTS,
        quantity=st.just(0) | MANY,
        price=st.none() | EUROS,
    ),
    st.builds(commands.UpdateOrderRequest, **IN_ORDER, items=ITEMS, status=st.just(0) | STATUSES),
    st.builds(
        commands.ChangeShippingAddressRequest,
        **IN_ORDER,
        shipping_address=st.builds(Address, recipient=st.sampled_from(["", "Ada", "Bob"])),
    ),
    st.builds(commands.UpdateOrderStatusRequest, **IN_ORDER, status=STATUSES),
    st.builds(commands.ShipOrderRequest, **IN_ORDER, tracking_number=st.sampled_from(["T-1", "T-2"])),
    st.builds(commands.CompleteOrderRequest, **IN_ORDER),
    st.builds(commands.CancelOrderRequest, **IN_ORDER, reason=st.sampled_from(["late", "broken"])),
)
