package client;

import java.util.Objects;

/** What must be so. */
final class Expect {
  private Expect() {}

  static void equal(String what, Object got, Object wanted) {
    if (!Objects.equals(got, wanted)) {
      throw new AssertionError(what + ": got " + got + ", not " + wanted);
    }
  }
}
