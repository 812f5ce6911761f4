-- Presses that were acted on are told by boot and counter, not by their order.
ALTER TABLE sign_status ADD COLUMN presses_total INTEGER NOT NULL DEFAULT 0;

CREATE TABLE sign_presses (
    sign    INTEGER NOT NULL REFERENCES signs (n) ON DELETE CASCADE,
    slot    INTEGER NOT NULL,
    boot    INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    PRIMARY KEY (sign, slot)
) STRICT, WITHOUT ROWID;
