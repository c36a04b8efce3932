-- Tables of otp-auth for SQLite 3.37 or later. All times are milliseconds
-- since 1970-01-01 UTC. Nothing here touches the application's tables.

CREATE TABLE otp_challenges (
    key         BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of what the client holds
    identity    BLOB    NOT NULL,             -- HMAC of the canonical address
    nonce       BLOB,                         -- NULL once the code was accepted
    code_mac    BLOB,                         -- NULL once the code was accepted
    tries       INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    consumed_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX otp_challenges_expires_at ON otp_challenges (expires_at);

CREATE TABLE otp_budgets (
    identity        BLOB    NOT NULL,
    requester       INTEGER NOT NULL, -- 0: anybody, 1: a known device
    next_send_at    INTEGER NOT NULL,
    hour_started_at INTEGER NOT NULL,
    hour_sends      INTEGER NOT NULL,
    day_started_at  INTEGER NOT NULL,
    day_sends       INTEGER NOT NULL,
    PRIMARY KEY (identity, requester)
) STRICT, WITHOUT ROWID;

CREATE INDEX otp_budgets_day_started_at ON otp_budgets (day_started_at);

CREATE TABLE otp_sessions (
    id           BLOB    NOT NULL PRIMARY KEY,
    user_id      TEXT    NOT NULL, -- the id in its text form, `sub` of a token
    generation   INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    refreshed_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    revoked_at   INTEGER,
    user_agent   TEXT,
    address      TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX otp_sessions_user_id ON otp_sessions (user_id);
CREATE INDEX otp_sessions_expires_at ON otp_sessions (expires_at);

CREATE TABLE token_blacklist (
    id             BLOB    NOT NULL PRIMARY KEY, -- of a token or a session
    type           TEXT    NOT NULL,             -- 'token' or 'session'
    blacklisted_at INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX token_blacklist_expires_at ON token_blacklist (expires_at);
