-- Several organisations, a second credential, certificates, subscriptions, and
-- what people choose per room. A sealed column that is empty holds nothing.

ALTER TABLE connections ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN secret_expires TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN cert_pem TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN sealed_key BLOB NOT NULL DEFAULT x'';
ALTER TABLE connections ADD COLUMN access TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN book INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN find INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN refreshed_at INTEGER;
ALTER TABLE connections ADD COLUMN sealed_spare_secret BLOB NOT NULL DEFAULT x'';
ALTER TABLE connections ADD COLUMN spare_expires TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN spare_cert_pem TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN sealed_spare_key BLOB NOT NULL DEFAULT x'';

-- Until now every connection asked for the list of rooms, and the mode in use
-- was the mode that was wanted.
UPDATE connections SET find = 1, access = mode;

-- sealed_client_state is the secret that every notification has to carry.
CREATE TABLE subscriptions (
    id                  TEXT PRIMARY KEY,
    connection          INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    room                TEXT NOT NULL,
    sealed_client_state BLOB NOT NULL,
    expires_at          INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX subscriptions_by_connection ON subscriptions (connection);

-- features is a JSON list of texts.
ALTER TABLE rooms ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN features TEXT NOT NULL DEFAULT '[]';
ALTER TABLE rooms ADD COLUMN privacy INTEGER NOT NULL DEFAULT 0;
