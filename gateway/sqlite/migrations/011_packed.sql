-- What of a sign its timeline was drawn and packed for. Until now that was what
-- is known of the sign.
ALTER TABLE wants ADD COLUMN packed_width INTEGER NOT NULL DEFAULT 0;
ALTER TABLE wants ADD COLUMN packed_height INTEGER NOT NULL DEFAULT 0;
ALTER TABLE wants ADD COLUMN packed_capabilities INTEGER NOT NULL DEFAULT 0;
UPDATE wants SET (packed_width, packed_height, packed_capabilities) =
    (SELECT width, height, capabilities FROM signs WHERE n = wants.sign);

-- Whether the sign's last hello came without TLS.
ALTER TABLE sign_status ADD COLUMN plain INTEGER NOT NULL DEFAULT 0;
