-- Firmware: whose signatures are taken, releases with their images, where each
-- rollout stands, and what each sign did with it.

ALTER TABLE signs ADD COLUMN firmware_no INTEGER NOT NULL DEFAULT 0;

CREATE TABLE makers (
    key  BLOB PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE releases (
    n       INTEGER PRIMARY KEY AUTOINCREMENT,
    image   BLOB NOT NULL UNIQUE,
    model   TEXT NOT NULL,
    version TEXT NOT NULL,
    number  INTEGER NOT NULL,
    size    INTEGER NOT NULL,
    least_mv INTEGER NOT NULL,
    signed  BLOB NOT NULL,
    added   INTEGER,
    state   TEXT NOT NULL,
    why     TEXT NOT NULL,
    stage   INTEGER NOT NULL,
    since   INTEGER,
    hold_ms INTEGER NOT NULL,
    first   TEXT NOT NULL,
    UNIQUE (model, number)
) STRICT;

-- An image in parts of 64 KiB, the last one shorter.
CREATE TABLE release_parts (
    release INTEGER NOT NULL REFERENCES releases (n) ON DELETE CASCADE,
    part    INTEGER NOT NULL,
    bytes   BLOB NOT NULL,
    PRIMARY KEY (release, part)
) STRICT;

CREATE TABLE release_marks (
    release INTEGER NOT NULL REFERENCES releases (n) ON DELETE CASCADE,
    sign    INTEGER NOT NULL REFERENCES signs (n) ON DELETE CASCADE,
    offered INTEGER,
    runs    INTEGER,
    failed  INTEGER,
    code    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (release, sign)
) STRICT, WITHOUT ROWID;
CREATE INDEX release_marks_by_sign ON release_marks (sign);
