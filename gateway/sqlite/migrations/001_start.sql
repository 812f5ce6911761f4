-- Instants are unix milliseconds in UTC, NULL for none. Columns named sealed_*
-- hold values sealed with the master key. Small integer keys (signs.n,
-- pictures.n) keep the child tables narrow.

CREATE TABLE store (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    key_id     TEXT NOT NULL
) STRICT;

CREATE TABLE connections (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    cloud         TEXT NOT NULL,
    login_url     TEXT NOT NULL,
    graph_url     TEXT NOT NULL,
    tenant        TEXT NOT NULL,
    client_id     TEXT NOT NULL,
    sealed_secret BLOB NOT NULL,
    mode          TEXT NOT NULL DEFAULT '',
    tenant_id     TEXT NOT NULL DEFAULT '',
    account       TEXT NOT NULL DEFAULT '',
    account_id    TEXT NOT NULL DEFAULT '',
    connected_at  INTEGER,
    checked_at    INTEGER,
    lost          TEXT NOT NULL DEFAULT '[]',
    problem_kind  TEXT,
    problem_code  TEXT NOT NULL DEFAULT '',
    problem_since INTEGER
) STRICT;

CREATE TABLE token_caches (
    connection  INTEGER NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    part        TEXT NOT NULL,
    sealed_blob BLOB NOT NULL,
    PRIMARY KEY (connection, part)
) STRICT;

CREATE TABLE secrets (
    name         TEXT PRIMARY KEY,
    sealed_value BLOB NOT NULL
) STRICT;

CREATE TABLE rooms (
    id         TEXT PRIMARY KEY,
    connection INTEGER REFERENCES connections (id),
    name       TEXT NOT NULL,
    building   TEXT NOT NULL,
    floor      TEXT NOT NULL,
    capacity   INTEGER NOT NULL,
    zone       TEXT NOT NULL,
    place_id   TEXT NOT NULL,
    gone       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX rooms_by_connection ON rooms (connection);

CREATE TABLE agendas (
    room        TEXT PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    window_from INTEGER,
    window_to   INTEGER,
    as_of       INTEGER,
    delta_link  TEXT NOT NULL,
    truth_at    INTEGER
) STRICT;

-- copy tells events apart that came with the same id.
CREATE TABLE events (
    room              TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    id                TEXT NOT NULL,
    copy              INTEGER NOT NULL,
    ical_uid          TEXT NOT NULL,
    series_id         TEXT NOT NULL,
    subject           TEXT NOT NULL,
    organizer_name    TEXT NOT NULL,
    organizer_address TEXT NOT NULL,
    starts_at         INTEGER,
    ends_at           INTEGER,
    all_day           INTEGER NOT NULL,
    cancelled         INTEGER NOT NULL,
    show_as           INTEGER NOT NULL,
    sensitivity       INTEGER NOT NULL,
    response          INTEGER NOT NULL,
    created_at        INTEGER,
    change_key        TEXT NOT NULL,
    transaction_id    TEXT NOT NULL,
    PRIMARY KEY (room, id, copy)
) STRICT, WITHOUT ROWID;

CREATE TABLE signs (
    n                   INTEGER PRIMARY KEY AUTOINCREMENT,
    id                  TEXT NOT NULL UNIQUE,
    name                TEXT NOT NULL,
    paired_at           INTEGER,
    room                TEXT REFERENCES rooms (id),
    language            TEXT NOT NULL,
    hour12              INTEGER,
    model               TEXT NOT NULL,
    serial              TEXT NOT NULL,
    firmware            TEXT NOT NULL,
    width               INTEGER NOT NULL,
    height              INTEGER NOT NULL,
    always_on           INTEGER NOT NULL,
    capabilities        INTEGER NOT NULL,
    password_hash       BLOB NOT NULL,
    sealed_manifest_key BLOB NOT NULL
) STRICT;
CREATE INDEX signs_by_room ON signs (room);

-- boot is NULL until the first report. The three totals number the entries of
-- the ring tables sign_boots, reports and decisions.
CREATE TABLE sign_status (
    sign            INTEGER PRIMARY KEY REFERENCES signs (n) ON DELETE CASCADE,
    last_seen       INTEGER,
    shown           BLOB,
    shown_at        INTEGER,
    epoch           INTEGER NOT NULL DEFAULT 0,
    seq             INTEGER NOT NULL DEFAULT 0,
    boot            INTEGER,
    counter         INTEGER NOT NULL DEFAULT 0,
    battery_mv      INTEGER NOT NULL DEFAULT 0,
    signal_dbm      INTEGER NOT NULL DEFAULT 0,
    temperature_c   INTEGER NOT NULL DEFAULT 0,
    wake_reason     INTEGER NOT NULL DEFAULT 0,
    last_error      INTEGER NOT NULL DEFAULT 0,
    error_count     INTEGER NOT NULL DEFAULT 0,
    boots_total     INTEGER NOT NULL DEFAULT 0,
    reports_total   INTEGER NOT NULL DEFAULT 0,
    decisions_total INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX sign_status_by_shown ON sign_status (shown) WHERE shown IS NOT NULL;

CREATE TABLE sign_boots (
    sign INTEGER NOT NULL REFERENCES signs (n) ON DELETE CASCADE,
    slot INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    PRIMARY KEY (sign, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE reports (
    sign       INTEGER NOT NULL REFERENCES signs (n) ON DELETE CASCADE,
    slot       INTEGER NOT NULL,
    n          INTEGER NOT NULL,
    at         INTEGER,
    kind       INTEGER NOT NULL,
    battery_mv INTEGER NOT NULL,
    signal_dbm INTEGER NOT NULL,
    shown      BLOB,
    PRIMARY KEY (sign, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE decisions (
    sign   INTEGER NOT NULL REFERENCES signs (n) ON DELETE CASCADE,
    slot   INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    at     INTEGER,
    reason TEXT NOT NULL,
    epoch  INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    shows  BLOB,
    times  INTEGER NOT NULL,
    PRIMARY KEY (sign, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE wants (
    sign         INTEGER PRIMARY KEY REFERENCES signs (n) ON DELETE CASCADE,
    epoch        INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    reason       TEXT NOT NULL,
    at           INTEGER,
    agenda_as_of INTEGER,
    partial      INTEGER NOT NULL,
    stale        BLOB,
    base         BLOB,
    next_wake    INTEGER,
    jitter_ms    INTEGER NOT NULL,
    body         BLOB NOT NULL
) STRICT;

CREATE TABLE want_steps (
    sign      INTEGER NOT NULL REFERENCES wants (sign) ON DELETE CASCADE,
    step      INTEGER NOT NULL,
    starts_at INTEGER,
    ends_at   INTEGER,
    digest    BLOB,
    state     TEXT NOT NULL,
    summary   TEXT NOT NULL,
    PRIMARY KEY (sign, step)
) STRICT, WITHOUT ROWID;

-- fallen is 1 for an object that the newest want no longer names but the one
-- before it did: a sign may still be fetching it.
CREATE TABLE objects (
    sign   INTEGER NOT NULL REFERENCES signs (n) ON DELETE CASCADE,
    hash   BLOB NOT NULL,
    fallen INTEGER NOT NULL DEFAULT 0,
    bytes  BLOB NOT NULL,
    PRIMARY KEY (sign, hash)
) STRICT;

CREATE TABLE pictures (
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    digest   BLOB NOT NULL UNIQUE,
    width    INTEGER NOT NULL,
    height   INTEGER NOT NULL,
    deflated BLOB NOT NULL
) STRICT;

CREATE TABLE want_pictures (
    sign    INTEGER NOT NULL REFERENCES signs (n) ON DELETE CASCADE,
    picture INTEGER NOT NULL REFERENCES pictures (n),
    PRIMARY KEY (sign, picture)
) STRICT, WITHOUT ROWID;
CREATE INDEX want_pictures_by_picture ON want_pictures (picture);

CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password_hash TEXT NOT NULL,
    language      TEXT NOT NULL,
    created_at    INTEGER
) STRICT;

CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY,
    account    INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_account ON sessions (account);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE site (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    value TEXT NOT NULL
) STRICT;
