package client;

import com.google.rpc.Code;
import cqrs.admin.v1.CommandQueryServiceGrpc;
import cqrs.admin.v1.CommandQueryServiceGrpc.CommandQueryServiceBlockingStub;
import cqrs.admin.v1.Queries.WatchCommandRequest;
import cqrs.admin.v1.Queries.WatchCommandResponse;
import cqrs.admin.v1.Views.CommandView;
import cqrs.common.v1.Common.CommandContext;
import cqrs.common.v1.Common.CommandReceipt;
import cqrs.common.v1.Common.CommandState;
import cqrs.common.v1.Common.ConsistencyToken;
import cqrs.shop.v1.Commands.ConfirmOrderRequest;
import cqrs.shop.v1.Commands.CreateOrderRequest;
import cqrs.shop.v1.Commands.PlaceOrderRequest;
import cqrs.shop.v1.OrderCommandServiceGrpc;
import cqrs.shop.v1.OrderCommandServiceGrpc.OrderCommandServiceBlockingStub;
import cqrs.shop.v1.OrderQueryServiceGrpc;
import cqrs.shop.v1.OrderQueryServiceGrpc.OrderQueryServiceBlockingStub;
import cqrs.shop.v1.Queries.GetOrderRequest;
import cqrs.shop.v1.Types.Fulfilment;
import cqrs.shop.v1.Types.PaymentMethod;
import cqrs.shop.v1.Views.OrderView;
import io.grpc.Channel;
import java.util.Iterator;
import java.util.List;

/** Asynchronous commands, followed to their end. */
final class Placing {
  private final OrderCommandServiceBlockingStub commands;
  private final OrderQueryServiceBlockingStub queries;
  private final CommandQueryServiceBlockingStub ended;

  Placing(Channel commands, Channel queries) {
    this.commands = OrderCommandServiceGrpc.newBlockingStub(commands);
    this.queries = OrderQueryServiceGrpc.newBlockingStub(queries);
    this.ended = CommandQueryServiceGrpc.newBlockingStub(queries);
  }

  /** Places an order like another one and reads it once the command has succeeded; returns the token of that. */
  ConsistencyToken order(CreateOrderRequest like) {
    String customer = like.getCustomerId() + "-placing";
    PlaceOrderRequest request =
        PlaceOrderRequest.newBuilder()
            .setContext(CommandContext.newBuilder().setCommandId("place-" + customer))
            .setOrderId("order-" + customer)
            .setUserId(customer)
            .setCustomerEmail("ada@example.com")
            .setPayment(PaymentMethod.newBuilder().setToken("tok_ok"))
            .addAllItems(like.getItemsList())
            .build();
    CommandView command = followed(commands.placeOrder(request).getReceipt());
    Expect.equal("the placing", command.getState(), CommandState.COMMAND_STATE_SUCCEEDED);
    Expect.equal("the new order's version", command.getReceipt().getVersion(), 1L);
    CommandReceipt again = commands.placeOrder(request).getReceipt();
    Expect.equal("a command sent again", again.getState(), CommandState.COMMAND_STATE_SUCCEEDED);
    Expect.equal("replayed", again.getReplayed(), true);
    ConsistencyToken token = command.getReceipt().getToken();
    OrderView order =
        queries
            .getOrder(
                GetOrderRequest.newBuilder()
                    .setConsistency(Shop.atLeast(token))
                    .setOrderId(request.getOrderId())
                    .build())
            .getOrder();
    Expect.equal("who carries it on", order.getFulfilment(), Fulfilment.FULFILMENT_SAGA);
    Expect.equal("place in the lists", order.getCreatePosition() <= token.getPosition(), true);
    return token;
  }

  /** Sends a command that is accepted and then refused: nobody fulfils an order that was not placed. */
  void refused(String orderId) {
    ConfirmOrderRequest request = ConfirmOrderRequest.newBuilder().setOrderId(orderId).build();
    CommandView command = followed(commands.confirmOrder(request).getReceipt());
    Expect.equal("the confirmation", command.getState(), CommandState.COMMAND_STATE_REFUSED);
    Expect.equal(
        "its refusal",
        new Refusal(
            command.getRefusal().getCode(),
            command.getRefusal().getDomain(),
            command.getRefusal().getReason(),
            List.of()),
        new Refusal(Code.FAILED_PRECONDITION, "cqrs.shop.v1", "WRONG_MOMENT", List.of()));
  }

  /** Watches an accepted command until the stream ends with its final state. */
  private CommandView followed(CommandReceipt accepted) {
    Expect.equal("an asynchronous command", accepted.getState(), CommandState.COMMAND_STATE_ACCEPTED);
    Expect.equal("its channel", accepted.getChannel(), "orders");
    Iterator<WatchCommandResponse> changes =
        ended.watchCommand(
            WatchCommandRequest.newBuilder()
                .setConsistency(Shop.atLeast(accepted.getToken()))
                .setCommandId(accepted.getCommandId())
                .build());
    CommandView last = CommandView.getDefaultInstance();
    while (changes.hasNext()) {
      last = changes.next().getCommand();
    }
    return last;
  }
}
