-- How far a boot got before another one was heard of: a sign that was only
-- overtaken by a late word of an earlier life goes on from there.

ALTER TABLE sign_boots ADD COLUMN counter INTEGER NOT NULL DEFAULT 0;
