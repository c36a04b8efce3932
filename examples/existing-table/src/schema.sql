-- The application's own table, as it was before otp-auth came. otp-auth reads
-- it, adds rows and sets `mail_confirmed`; it never alters it.

CREATE TABLE users (
    member_id      TEXT    NOT NULL PRIMARY KEY, -- a UUID
    mail           TEXT    NOT NULL UNIQUE,
    mail_confirmed BOOLEAN NOT NULL DEFAULT FALSE,
    role           TEXT    NOT NULL CHECK (role IN ('reader', 'editor', 'site_admin')),
    preferences    TEXT    NOT NULL CHECK (json_valid(preferences)),
    display_name   TEXT,
    password_hash  TEXT,                         -- of no use any more
    joined_at      TEXT    NOT NULL DEFAULT CURRENT_TIMESTAMP
);

INSERT INTO users (member_id, mail, mail_confirmed, role, preferences, display_name, password_hash) VALUES
    ('3f0e1c52-6d0b-4c1e-9a57-0f6f0b8b7a11', 'editor@example.com', TRUE, 'editor', '{"theme":"dark","digest":true}', 'The editor', 'x'),
    ('b81d7b0e-22f4-4f0a-8c3d-5f6d9b2c4e22', 'reader@example.com', FALSE, 'reader', '{"theme":"light","digest":false}', NULL, NULL);
