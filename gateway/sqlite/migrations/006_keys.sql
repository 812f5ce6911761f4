-- Secrets of signs that are renewed while they hang: which number is in use
-- since when (NULL: since pairing), which one the sign shall ask for (0: none),
-- and whether the first one came from a factory's file.
ALTER TABLE signs ADD COLUMN key_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signs ADD COLUMN key_since INTEGER;
ALTER TABLE signs ADD COLUMN key_wanted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signs ADD COLUMN key_factory INTEGER NOT NULL DEFAULT 0;

-- A newer secret on its way to the sign; stored is NULL until the sign said
-- that it has it.
CREATE TABLE next_keys (
    sign                INTEGER PRIMARY KEY REFERENCES signs (n) ON DELETE CASCADE,
    number              INTEGER NOT NULL,
    public              BLOB NOT NULL,
    password_hash       BLOB NOT NULL,
    sealed_manifest_key BLOB NOT NULL,
    sealed_password     BLOB NOT NULL,
    sealed_secret       BLOB NOT NULL,
    made                INTEGER,
    stored              INTEGER
) STRICT;
