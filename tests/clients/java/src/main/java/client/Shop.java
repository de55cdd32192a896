package client;

import com.google.protobuf.Duration;
import com.google.rpc.Code;
import cqrs.common.v1.Common.CommandContext;
import cqrs.common.v1.Common.CommandReceipt;
import cqrs.common.v1.Common.ConsistencyToken;
import cqrs.common.v1.Common.Money;
import cqrs.common.v1.Common.ReadConsistency;
import cqrs.shop.v1.Commands.CreateOrderRequest;
import cqrs.shop.v1.Commands.ShipOrderRequest;
import cqrs.shop.v1.OrderCommandServiceGrpc;
import cqrs.shop.v1.OrderCommandServiceGrpc.OrderCommandServiceBlockingStub;
import cqrs.shop.v1.OrderQueryServiceGrpc;
import cqrs.shop.v1.OrderQueryServiceGrpc.OrderQueryServiceBlockingStub;
import cqrs.shop.v1.Queries.GetOrderRequest;
import cqrs.shop.v1.Queries.ListCustomerOrdersRequest;
import cqrs.shop.v1.Queries.ListCustomerOrdersResponse;
import cqrs.shop.v1.Queries.ListOrdersRequest;
import cqrs.shop.v1.Queries.ListOrdersResponse;
import cqrs.shop.v1.Types.OrderItem;
import cqrs.shop.v1.Types.OrderStatus;
import cqrs.shop.v1.Views.OrderView;
import io.grpc.Channel;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** Orders of one new customer: placed, read back, refused, listed. */
final class Shop {
  private static final int PLACED = 5;

  private final OrderCommandServiceBlockingStub commands;
  private final OrderQueryServiceBlockingStub queries;
  private final String customer = "customer-java-" + UUID.randomUUID();

  /** How many orders the list of all has, and up to which position of the log. */
  record Listed(long orders, long asOf) {}

  Shop(Channel commands, Channel queries) {
    this.commands = OrderCommandServiceGrpc.newBlockingStub(commands);
    this.queries = OrderQueryServiceGrpc.newBlockingStub(queries);
  }

  /** Places orders and reads them back; returns the first one's request. */
  CreateOrderRequest order() {
    ConsistencyToken last = null;
    for (int number = 0; number < PLACED; number++) {
      CommandReceipt receipt = place(request(number));
      readOwnWrite(request(number), receipt);
      last = receipt.getToken();
    }
    refused();
    tooEarly(last);
    list(last);
    return request(0);
  }

  Listed countOrders(ConsistencyToken last) {
    ListOrdersResponse answer =
        queries.listOrders(ListOrdersRequest.newBuilder().setConsistency(atLeast(last)).setPageSize(1).build());
    return new Listed(answer.getTotalSize(), answer.getMetadata().getAsOf().getPosition());
  }

  private CreateOrderRequest request(int number) {
    String id = customer + "-" + number;
    return CreateOrderRequest.newBuilder()
        .setContext(CommandContext.newBuilder().setCommandId("place-" + id))
        .setOrderId("order-" + id)
        .setCustomerId(customer)
        .addItems(item("prod_001", "Laptop", 1, 99999))
        .addItems(item("prod_002", "Mouse", number + 1, 2500))
        .setTotalAmount(euros(99999 + 2500L * (number + 1)))
        .build();
  }

  private static OrderItem item(String product, String name, long quantity, long cents) {
    return OrderItem.newBuilder()
        .setProductId(product)
        .setProductName(name)
        .setQuantity(quantity)
        .setPrice(euros(cents))
        .build();
  }

  private static Money euros(long cents) {
    return Money.newBuilder().setMinorUnits(cents).setCurrencyCode("EUR").build();
  }

  /** Sends the command twice: one effect, the same receipt. */
  private CommandReceipt place(CreateOrderRequest request) {
    CommandReceipt receipt = commands.createOrder(request).getReceipt();
    CommandReceipt again = commands.createOrder(request).getReceipt();
    Expect.equal("replayed the first time", receipt.getReplayed(), false);
    Expect.equal("a command sent again", again, receipt.toBuilder().setReplayed(true).build());
    Expect.equal("the new order's version", receipt.getVersion(), 1L);
    return receipt;
  }

  private void readOwnWrite(CreateOrderRequest placed, CommandReceipt receipt) {
    OrderView order =
        queries
            .getOrder(
                GetOrderRequest.newBuilder()
                    .setConsistency(atLeast(receipt.getToken()))
                    .setOrderId(receipt.getAggregateId())
                    .build())
            .getOrder();
    Expect.equal("order id", order.getOrderId(), placed.getOrderId());
    Expect.equal("customer", order.getCustomer().getCustomerId(), customer);
    Expect.equal("status", order.getStatus(), OrderStatus.ORDER_STATUS_PENDING);
    Expect.equal("items", order.getItemsList(), placed.getItemsList());
    Expect.equal("total", order.getTotalAmount(), placed.getTotalAmount());
    Expect.equal("place in the lists", order.getCreatePosition(), receipt.getToken().getPosition());
  }

  /** Sends a malformed command, and one that the order's state does not allow. */
  private void refused() {
    CreateOrderRequest malformed =
        CreateOrderRequest.newBuilder().setCustomerId(customer).setCustomerEmail("nobody").build();
    Expect.equal(
        "a malformed order",
        Refusal.of(() -> commands.createOrder(malformed)),
        new Refusal(
            Code.INVALID_ARGUMENT, "cqrs.common.v1", "INVALID_REQUEST", List.of("customer_email", "items")));
    ShipOrderRequest early =
        ShipOrderRequest.newBuilder().setOrderId(request(0).getOrderId()).setTrackingNumber("TRACK-1").build();
    Expect.equal(
        "a shipment too early",
        Refusal.of(() -> commands.shipOrder(early)),
        new Refusal(Code.FAILED_PRECONDITION, "cqrs.shop.v1", "ORDER_NOT_PROCESSING", List.of()));
  }

  /** Asks for a point that the log has not reached: UNAVAILABLE, after the attempts of the service config. */
  private void tooEarly(ConsistencyToken last) {
    ConsistencyToken future = last.toBuilder().setPosition(last.getPosition() + 1_000_000).build();
    GetOrderRequest request =
        GetOrderRequest.newBuilder()
            .setConsistency(atLeast(future).toBuilder().setMaxWait(Duration.getDefaultInstance()))
            .setOrderId(request(0).getOrderId())
            .build();
    Expect.equal(
        "an order of the future",
        Refusal.of(() -> queries.getOrder(request)),
        new Refusal(Code.UNAVAILABLE, "cqrs.common.v1", "NOT_CAUGHT_UP", List.of()));
  }

  /** Pages through the customer's orders: newest first, each once. */
  private void list(ConsistencyToken last) {
    List<String> wanted = new ArrayList<>();
    for (int number = PLACED - 1; number >= 0; number--) {
      wanted.add(request(number).getOrderId());
    }
    List<String> found = new ArrayList<>();
    ListCustomerOrdersRequest.Builder request =
        ListCustomerOrdersRequest.newBuilder()
            .setConsistency(atLeast(last))
            .setCustomerId(customer)
            .setPageSize(2);
    do {
      ListCustomerOrdersResponse page = queries.listCustomerOrders(request.build());
      Expect.equal("a page of 1 or 2 orders", List.of(1, 2).contains(page.getOrdersCount()), true);
      Expect.equal("the size of the list", page.getTotalSize(), (long) PLACED);
      page.getOrdersList().forEach(order -> found.add(order.getOrderId()));
      request.setPageToken(page.getNextPageToken());
    } while (!request.getPageToken().isEmpty());
    Expect.equal("the customer's orders", found, wanted);
  }

  static ReadConsistency atLeast(ConsistencyToken token) {
    return ReadConsistency.newBuilder().setAtLeastToken(token).build();
  }
}
