-- Every row belongs to a realm, and every session to the address that was
-- proven. What the first version has written is signed with keys that do not
-- exist any more, and was never bound to an address: it opens nothing, and
-- goes. The application's tables are not touched.

DROP TABLE otp_challenges, otp_budgets, otp_sessions, token_blacklist;

CREATE TABLE otp_challenges (
    realm       TEXT   COLLATE "C" NOT NULL,
    key         BYTEA  NOT NULL, -- SHA-256 of what the client holds
    identity    BYTEA  NOT NULL, -- HMAC of the canonical address
    nonce       BYTEA,           -- NULL once the code was accepted
    code_mac    BYTEA,           -- NULL once the code was accepted
    tries       BIGINT NOT NULL DEFAULT 0,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    consumed_at BIGINT,
    PRIMARY KEY (realm, key)
);

CREATE INDEX otp_challenges_expires_at ON otp_challenges (expires_at);

CREATE TABLE otp_budgets (
    realm           TEXT     COLLATE "C" NOT NULL,
    identity        BYTEA    NOT NULL,
    requester       SMALLINT NOT NULL, -- 0: strangers of a network, 1: a known device, 2: used-up challenges, 3: all strangers
    next_send_at    BIGINT   NOT NULL,
    hour_started_at BIGINT   NOT NULL,
    hour_sends      BIGINT   NOT NULL,
    day_started_at  BIGINT   NOT NULL,
    day_sends       BIGINT   NOT NULL,
    failures        BIGINT   NOT NULL DEFAULT 0, -- of all strangers, since the last sign-in
    last_send       BYTEA, -- the fresh challenge of the last send; NULL once that was refunded
    PRIMARY KEY (realm, identity, requester)
);

CREATE INDEX otp_budgets_day_started_at ON otp_budgets (day_started_at);

CREATE TABLE otp_sessions (
    realm                TEXT   COLLATE "C" NOT NULL,
    id                   BYTEA  NOT NULL,
    user_id              TEXT   COLLATE "C" NOT NULL, -- the id in its text form, `sub` of a token
    binding              BYTEA  NOT NULL,             -- HMAC of the address that was proven
    generation           BIGINT NOT NULL,
    created_at           BIGINT NOT NULL,
    refreshed_at         BIGINT NOT NULL,
    recovered_generation BIGINT,                      -- the last one that was handed out again
    recovered_at         BIGINT,
    expires_at           BIGINT NOT NULL,
    revoked_at           BIGINT,
    amr                  TEXT   NOT NULL DEFAULT 'otp', -- how the user has proven who they are
    user_agent           TEXT,
    address              TEXT,
    PRIMARY KEY (realm, id)
);

CREATE INDEX otp_sessions_user_id ON otp_sessions (realm, user_id);
CREATE INDEX otp_sessions_expires_at ON otp_sessions (expires_at);

CREATE TABLE token_blacklist (
    realm          TEXT   COLLATE "C" NOT NULL,
    id             BYTEA  NOT NULL, -- of a token, a session or a user
    type           TEXT   NOT NULL, -- 'token', 'session' or 'user'
    blacklisted_at BIGINT NOT NULL, -- of a user: sign-ins before it do not count
    expires_at     BIGINT NOT NULL,
    changed        BIGINT NOT NULL, -- the transaction that wrote it
    PRIMARY KEY (realm, id)
);

CREATE INDEX token_blacklist_changed ON token_blacklist (realm, changed);
CREATE INDEX token_blacklist_expires_at ON token_blacklist (expires_at);
