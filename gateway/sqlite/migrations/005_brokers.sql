-- What a broker that is not ours has to know of each sign: its MQTT password.
-- Signs that were paired before have no row.
CREATE TABLE broker_logins (
    sign            INTEGER PRIMARY KEY REFERENCES signs (n) ON DELETE CASCADE,
    sealed_password BLOB NOT NULL
) STRICT;
