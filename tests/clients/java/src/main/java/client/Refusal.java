package client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.List;
import java.util.concurrent.Callable;

/** What a google.rpc.Status says: its code, ErrorInfo's domain and reason, the fields of BadRequest by name. */
record Refusal(Code code, String domain, String reason, List<String> fields) {

  /** Makes a call that must be refused. */
  static Refusal of(Callable<?> call) {
    try {
      throw new AssertionError("the call was not refused: " + call.call());
    } catch (StatusRuntimeException error) {
      return of(StatusProto.fromThrowable(error));
    } catch (Exception error) {
      throw new AssertionError(error);
    }
  }

  private static Refusal of(Status status) {
    String domain = "";
    String reason = "";
    List<String> fields = List.of();
    try {
      for (Any detail : status.getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          domain = detail.unpack(ErrorInfo.class).getDomain();
          reason = detail.unpack(ErrorInfo.class).getReason();
        } else if (detail.is(BadRequest.class)) {
          fields =
              detail.unpack(BadRequest.class).getFieldViolationsList().stream()
                  .map(BadRequest.FieldViolation::getField)
                  .sorted()
                  .toList();
        }
      }
    } catch (InvalidProtocolBufferException error) {
      throw new AssertionError(error);
    }
    return new Refusal(Code.forNumber(status.getCode()), domain, reason, fields);
  }
}
