-- Which server keys (SHA-256 of each, one after another) a sign was told to
-- believe, under which floor of epochs, and which it said that it does.
CREATE TABLE sign_pins (
    sign         INTEGER PRIMARY KEY REFERENCES signs (n) ON DELETE CASCADE,
    given_number INTEGER NOT NULL,
    given_keys   BLOB NOT NULL,
    held_number  INTEGER NOT NULL,
    held_keys    BLOB NOT NULL,
    floor        INTEGER NOT NULL
) STRICT;
