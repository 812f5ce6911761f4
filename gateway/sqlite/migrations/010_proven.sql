-- Hellos whose MAC was right are judged by one another alone: which boot said
-- the newest, which manifest that named, and how far each boot came. Presses
-- that were acted on are told by boot and counter, not by their order.
ALTER TABLE sign_status ADD COLUMN proven_boot INTEGER;
ALTER TABLE sign_status ADD COLUMN proven_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sign_status ADD COLUMN proven_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sign_status ADD COLUMN proven_total INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sign_status ADD COLUMN presses_total INTEGER NOT NULL DEFAULT 0;

CREATE TABLE proven_boots (
    sign    INTEGER NOT NULL REFERENCES signs (n) ON DELETE CASCADE,
    slot    INTEGER NOT NULL,
    boot    INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    PRIMARY KEY (sign, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE sign_presses (
    sign    INTEGER NOT NULL REFERENCES signs (n) ON DELETE CASCADE,
    slot    INTEGER NOT NULL,
    boot    INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    PRIMARY KEY (sign, slot)
) STRICT, WITHOUT ROWID;
