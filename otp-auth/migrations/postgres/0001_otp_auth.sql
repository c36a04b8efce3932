-- Tables of otp-auth for PostgreSQL, in the first schema of the search path.
-- All times are milliseconds since 1970-01-01 UTC. Nothing here touches the
-- application's tables.

CREATE TABLE otp_challenges (
    key         BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of what the client holds
    identity    BYTEA  NOT NULL,             -- HMAC of the canonical address
    nonce       BYTEA,                       -- NULL once the code was accepted
    code_mac    BYTEA,                       -- NULL once the code was accepted
    tries       BIGINT NOT NULL DEFAULT 0,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    consumed_at BIGINT
);

CREATE INDEX otp_challenges_expires_at ON otp_challenges (expires_at);

CREATE TABLE otp_budgets (
    identity        BYTEA    NOT NULL,
    requester       SMALLINT NOT NULL, -- 0: anybody, 1: a known device
    next_send_at    BIGINT   NOT NULL,
    hour_started_at BIGINT   NOT NULL,
    hour_sends      BIGINT   NOT NULL,
    day_started_at  BIGINT   NOT NULL,
    day_sends       BIGINT   NOT NULL,
    PRIMARY KEY (identity, requester)
);

CREATE INDEX otp_budgets_day_started_at ON otp_budgets (day_started_at);

CREATE TABLE otp_sessions (
    id           BYTEA  NOT NULL PRIMARY KEY,
    user_id      TEXT   COLLATE "C" NOT NULL, -- the id in its text form, `sub` of a token
    generation   BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    refreshed_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    revoked_at   BIGINT,
    user_agent   TEXT,
    address      TEXT
);

CREATE INDEX otp_sessions_user_id ON otp_sessions (user_id);
CREATE INDEX otp_sessions_expires_at ON otp_sessions (expires_at);

CREATE TABLE token_blacklist (
    id             BYTEA  NOT NULL PRIMARY KEY, -- of a token or a session
    type           TEXT   NOT NULL,             -- 'token' or 'session'
    blacklisted_at BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);

CREATE INDEX token_blacklist_expires_at ON token_blacklist (expires_at);
