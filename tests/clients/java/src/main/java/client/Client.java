package client;

import com.google.gson.Gson;
import cqrs.shop.v1.Commands.CreateOrderRequest;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * A client of Obverse in Java that knows its contracts alone: it orders, reads what it ordered, follows
 * asynchronous commands to their end, and proves the log.
 *
 * <p>OBVERSE_COMMAND_ADDRESS and OBVERSE_QUERY_ADDRESS say where the servers are, OBVERSE_SERVICE_CONFIG names
 * docs/service-config.json. Anything unexpected ends it with 1.
 */
public final class Client {
  private Client() {}

  public static void main(String[] arguments) {
    try {
      System.out.println(run());
      System.exit(0);
    } catch (Exception | AssertionError error) {
      System.err.println("client: language=java: " + error);
      error.printStackTrace();
      System.exit(1);
    }
  }

  private static String run() throws IOException {
    ManagedChannel commands = connect("OBVERSE_COMMAND_ADDRESS");
    ManagedChannel queries = connect("OBVERSE_QUERY_ADDRESS");
    try {
      Shop shop = new Shop(commands, queries);
      CreateOrderRequest first = shop.order();
      Placing placing = new Placing(commands, queries);
      placing.refused(first.getOrderId());
      Shop.Listed listed = shop.countOrders(placing.order(first));
      long orders = LogReader.countOrders(commands, listed.asOf());
      Expect.equal("orders in the log and in the list", orders, listed.orders());
      return "client: language=java orders=" + orders + " chain=ok";
    } finally {
      commands.shutdownNow();
      queries.shutdownNow();
    }
  }

  /** A channel with the service config of the documentation. */
  private static ManagedChannel connect(String variable) throws IOException {
    String config = Files.readString(Path.of(System.getenv("OBVERSE_SERVICE_CONFIG")));
    @SuppressWarnings("unchecked")
    Map<String, ?> serviceConfig = new Gson().fromJson(config, Map.class);
    return Grpc.newChannelBuilder(System.getenv(variable), InsecureChannelCredentials.create())
        .defaultServiceConfig(serviceConfig)
        .enableRetry()
        .build();
  }
}
