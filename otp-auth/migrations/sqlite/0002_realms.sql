-- Every row belongs to a realm, and every session to the address that was
-- proven. What the first version has written is signed with keys that do not
-- exist any more, and was never bound to an address: it opens nothing, and
-- goes. The application's tables are not touched.
--
-- The realm comes last in every key. There are only a few realms, so an index
-- that begins with it would lead SQLite, which does not know that, to read all
-- rows of a realm.

DROP TABLE otp_challenges;
DROP TABLE otp_budgets;
DROP TABLE otp_sessions;
DROP TABLE token_blacklist;

CREATE TABLE otp_challenges (
    realm       TEXT    NOT NULL,
    key         BLOB    NOT NULL, -- SHA-256 of what the client holds
    identity    BLOB    NOT NULL, -- HMAC of the canonical address
    nonce       BLOB,             -- NULL once the code was accepted
    code_mac    BLOB,             -- NULL once the code was accepted
    tries       INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    consumed_at INTEGER,
    PRIMARY KEY (key, realm)
) STRICT, WITHOUT ROWID;

CREATE INDEX otp_challenges_expires_at ON otp_challenges (expires_at);

CREATE TABLE otp_budgets (
    realm           TEXT    NOT NULL,
    identity        BLOB    NOT NULL,
    requester       INTEGER NOT NULL, -- 0: strangers of a network, 1: a known device, 2: used-up challenges, 3: all strangers
    next_send_at    INTEGER NOT NULL,
    hour_started_at INTEGER NOT NULL,
    hour_sends      INTEGER NOT NULL,
    day_started_at  INTEGER NOT NULL,
    day_sends       INTEGER NOT NULL,
    failures        INTEGER NOT NULL DEFAULT 0, -- of all strangers, since the last sign-in
    last_send       BLOB, -- the fresh challenge of the last send; NULL once that was refunded
    PRIMARY KEY (identity, requester, realm)
) STRICT, WITHOUT ROWID;

CREATE INDEX otp_budgets_day_started_at ON otp_budgets (day_started_at);

CREATE TABLE otp_sessions (
    realm                TEXT    NOT NULL,
    id                   BLOB    NOT NULL,
    user_id              TEXT    NOT NULL, -- the id in its text form, `sub` of a token
    binding              BLOB    NOT NULL, -- HMAC of the address that was proven
    generation           INTEGER NOT NULL,
    created_at           INTEGER NOT NULL,
    refreshed_at         INTEGER NOT NULL,
    recovered_generation INTEGER,          -- the last one that was handed out again
    recovered_at         INTEGER,
    expires_at           INTEGER NOT NULL,
    revoked_at           INTEGER,
    amr                  TEXT    NOT NULL DEFAULT 'otp', -- how the user has proven who they are
    user_agent           TEXT,
    address              TEXT,
    PRIMARY KEY (id, realm)
) STRICT, WITHOUT ROWID;

CREATE INDEX otp_sessions_user_id ON otp_sessions (user_id, realm);
CREATE INDEX otp_sessions_expires_at ON otp_sessions (expires_at);

CREATE TABLE token_blacklist (
    changed        INTEGER PRIMARY KEY AUTOINCREMENT, -- grows with every change
    realm          TEXT    NOT NULL,
    id             BLOB    NOT NULL, -- of a token, a session or a user
    type           TEXT    NOT NULL, -- 'token', 'session' or 'user'
    blacklisted_at INTEGER NOT NULL, -- of a user: sign-ins before it do not count
    expires_at     INTEGER NOT NULL,
    UNIQUE (id, realm)
) STRICT;

CREATE INDEX token_blacklist_expires_at ON token_blacklist (expires_at);
