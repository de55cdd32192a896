-- The books of the sandbox payment provider: one file, for any number of processes.
CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, approved INTEGER NOT NULL, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS failure (key TEXT PRIMARY KEY, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS voided (order_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS payment (
    reference TEXT PRIMARY KEY,
    order_id TEXT NOT NULL,
    token TEXT NOT NULL,
    currency TEXT NOT NULL,
    authorized INTEGER NOT NULL,
    captured INTEGER NOT NULL DEFAULT 0 CHECK (captured <= authorized),
    refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded <= captured),
    held INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX IF NOT EXISTS payment_order ON payment (order_id);
