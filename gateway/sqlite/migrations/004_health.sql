-- How each step of a timeline changes the panel, and what the panel has been
-- through by then.
ALTER TABLE want_steps ADD COLUMN refresh INTEGER NOT NULL DEFAULT 0;
ALTER TABLE want_steps ADD COLUMN partials INTEGER NOT NULL DEFAULT 0;
ALTER TABLE want_steps ADD COLUMN traces INTEGER NOT NULL DEFAULT 0;
ALTER TABLE want_steps ADD COLUMN last_full INTEGER;
ALTER TABLE want_steps ADD COLUMN last_change INTEGER;

-- One row a sign and day (days since 1970 in UTC); days of long ago are joined
-- to weeks that begin on a day divisible by 7.
CREATE TABLE battery_days (
    sign     INTEGER NOT NULL REFERENCES signs (n) ON DELETE CASCADE,
    day      INTEGER NOT NULL,
    low_mv   INTEGER NOT NULL,
    last_mv  INTEGER NOT NULL,
    celsius  INTEGER NOT NULL,
    contacts INTEGER NOT NULL,
    pictures INTEGER NOT NULL,
    PRIMARY KEY (sign, day)
) STRICT, WITHOUT ROWID;

-- Since when something is wrong. subject is a sign, an address, a connection or
-- what else kind is about, '' for the whole house.
CREATE TABLE conditions (
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    since   INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;

-- Where a sign connected from last, for finding what silent signs have in common.
CREATE TABLE sign_places (
    sign    INTEGER PRIMARY KEY REFERENCES signs (n) ON DELETE CASCADE,
    address TEXT NOT NULL
) STRICT;
