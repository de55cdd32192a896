package client;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import cqrs.log.v1.RecordOuterClass.Record;
import cqrs.shop.v1.Events.OrderCreated;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.UUID;

/** What is known of the log up to a position; each record is proved to be the next link of the chain. */
final class Fold {
  private final String epoch;
  private long position;
  private ByteString chain;
  private long orders;

  /** Begins before the first record, with the genesis of the epoch's chain. */
  Fold(String epoch) {
    this.epoch = epoch;
    UUID id = UUID.fromString(epoch);
    ByteBuffer bytes = ByteBuffer.allocate(16);
    bytes.putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits()).flip();
    this.chain = sha256(ByteString.copyFrom(bytes));
  }

  long position() {
    return position;
  }

  ByteString chain() {
    return chain;
  }

  long orders() {
    return orders;
  }

  /** Folds the next record in, after proving that it is the next one. */
  void add(String epoch, long position, ByteString bytes, ByteString chain) {
    Expect.equal("the epoch at " + position, epoch, this.epoch);
    Expect.equal("the next position", position, this.position + 1);
    ByteBuffer number = ByteBuffer.allocate(Long.BYTES);
    number.putLong(position).flip();
    this.chain = sha256(this.chain.concat(ByteString.copyFrom(number)).concat(bytes));
    Expect.equal("the chain at " + position, chain, this.chain);
    this.position = position;
    try {
      count(Record.parseFrom(bytes));
    } catch (InvalidProtocolBufferException error) {
      throw new AssertionError("the record at " + position, error);
    }
  }

  private void count(Record record) throws InvalidProtocolBufferException {
    if (record.getType().equals(OrderCreated.getDescriptor().getFullName())) {
      orders++;
      OrderCreated created = OrderCreated.parseFrom(record.getData());
      Expect.equal("the stream of an order", record.getStream(), "shop.order-" + created.getOrderId());
    }
  }

  private static ByteString sha256(ByteString bytes) {
    try {
      return ByteString.copyFrom(MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray()));
    } catch (NoSuchAlgorithmException error) {
      throw new AssertionError(error);
    }
  }
}
