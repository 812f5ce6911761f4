-- Pictures that people uploaded: files under the SHA-256 of their bytes, and the
-- names under which signs draw them. ink_* is the part that is not paper.
CREATE TABLE asset_files (
    n       INTEGER PRIMARY KEY,
    content BLOB NOT NULL UNIQUE,
    bytes   BLOB NOT NULL
) STRICT;

CREATE TABLE assets (
    name   TEXT PRIMARY KEY,
    file   INTEGER NOT NULL REFERENCES asset_files (n),
    bytes  INTEGER NOT NULL,
    style  TEXT NOT NULL,
    width  INTEGER NOT NULL,
    height INTEGER NOT NULL,
    ink_x0 INTEGER NOT NULL,
    ink_y0 INTEGER NOT NULL,
    ink_x1 INTEGER NOT NULL,
    ink_y1 INTEGER NOT NULL,
    added  INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX assets_by_file ON assets (file);
