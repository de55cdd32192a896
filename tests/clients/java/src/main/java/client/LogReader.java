package client;

import com.google.protobuf.ByteString;
import cqrs.log.v1.LogServiceGrpc;
import cqrs.log.v1.LogServiceGrpc.LogServiceBlockingStub;
import cqrs.log.v1.LogServiceOuterClass.GetHeadRequest;
import cqrs.log.v1.LogServiceOuterClass.GetHeadResponse;
import cqrs.log.v1.LogServiceOuterClass.ReadLogRequest;
import cqrs.log.v1.LogServiceOuterClass.ReadLogResponse;
import io.grpc.Channel;
import java.util.Iterator;

/** Reads the whole log. */
final class LogReader {
  private LogReader() {}

  /** Proves the chain up to the head and says how many orders were created up to a position. */
  static long countOrders(Channel channel, long until) {
    LogServiceBlockingStub client = LogServiceGrpc.newBlockingStub(channel);
    GetHeadResponse head = client.getHead(GetHeadRequest.getDefaultInstance());
    Fold read = new Fold(head.getToken().getEpoch());
    long orders = -1;
    ByteString atHead = null;
    Iterator<ReadLogResponse> records =
        client.readLog(ReadLogRequest.newBuilder().setStopAtHead(true).build());
    while (records.hasNext()) {
      ReadLogResponse next = records.next();
      read.add(next.getEpoch(), next.getPosition(), next.getRecord(), next.getChain());
      if (read.position() == until) {
        orders = read.orders();
      }
      if (read.position() == head.getToken().getPosition()) {
        atHead = read.chain();
      }
    }
    Expect.equal("the log reaches the list's position", orders >= 0, true);
    Expect.equal("the chain at the head", atHead, head.getChain());
    return orders;
  }
}
