-- Every row belongs to a realm, and every session to the address that was
-- proven. What the first version has written is signed with keys that do not
-- exist any more, and was never bound to an address: it opens nothing, and
-- goes. The application's tables are not touched. Each statement may be run
-- again.

DROP TABLE IF EXISTS otp_challenges, otp_budgets, otp_sessions, token_blacklist, otp_realms;

CREATE TABLE otp_challenges (
    realm       VARBINARY(64) NOT NULL,
    `key`       BINARY(32)    NOT NULL, -- SHA-256 of what the client holds
    identity    BINARY(32)    NOT NULL, -- HMAC of the canonical address
    nonce       BINARY(16),             -- NULL once the code was accepted
    code_mac    BINARY(32),             -- NULL once the code was accepted
    tries       BIGINT        NOT NULL DEFAULT 0,
    created_at  BIGINT        NOT NULL,
    expires_at  BIGINT        NOT NULL,
    consumed_at BIGINT,
    PRIMARY KEY (realm, `key`),
    INDEX otp_challenges_expires_at (expires_at)
) ENGINE = InnoDB;

CREATE TABLE otp_budgets (
    realm           VARBINARY(64) NOT NULL,
    identity        BINARY(32)    NOT NULL,
    requester       TINYINT       NOT NULL, -- 0: strangers of a network, 1: a known device, 2: used-up challenges, 3: all strangers
    next_send_at    BIGINT        NOT NULL,
    hour_started_at BIGINT        NOT NULL,
    hour_sends      BIGINT        NOT NULL,
    day_started_at  BIGINT        NOT NULL,
    day_sends       BIGINT        NOT NULL,
    failures        BIGINT        NOT NULL DEFAULT 0, -- of all strangers, since the last sign-in
    last_send       BINARY(32), -- the fresh challenge of the last send; NULL once that was refunded
    PRIMARY KEY (realm, identity, requester),
    INDEX otp_budgets_day_started_at (day_started_at)
) ENGINE = InnoDB;

CREATE TABLE otp_sessions (
    realm                VARBINARY(64)  NOT NULL,
    id                   BINARY(16)     NOT NULL,
    user_id              VARBINARY(768) NOT NULL, -- the id in its text form, `sub` of a token
    binding              BINARY(16)     NOT NULL, -- HMAC of the address that was proven
    generation           BIGINT         NOT NULL,
    created_at           BIGINT         NOT NULL,
    refreshed_at         BIGINT         NOT NULL,
    recovered_generation BIGINT,                  -- the last one that was handed out again
    recovered_at         BIGINT,
    expires_at           BIGINT         NOT NULL,
    revoked_at           BIGINT,
    amr                  VARCHAR(512)   NOT NULL DEFAULT 'otp', -- how the user has proven who they are
    user_agent           VARCHAR(256),
    address              VARCHAR(45),
    PRIMARY KEY (realm, id),
    INDEX otp_sessions_user_id (realm, user_id),
    INDEX otp_sessions_expires_at (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE token_blacklist (
    realm          VARBINARY(64) NOT NULL,
    id             BINARY(16)    NOT NULL, -- of a token, a session or a user
    type           VARBINARY(7)  NOT NULL, -- 'token', 'session' or 'user'
    blacklisted_at BIGINT        NOT NULL, -- of a user: sign-ins before it do not count
    expires_at     BIGINT        NOT NULL,
    changed        BIGINT        NOT NULL, -- a number of otp_realms
    PRIMARY KEY (realm, id),
    INDEX token_blacklist_changed (realm, changed),
    INDEX token_blacklist_expires_at (expires_at)
) ENGINE = InnoDB;

-- How often the blacklist of a realm was changed.
CREATE TABLE otp_realms (
    realm   VARBINARY(64) NOT NULL PRIMARY KEY,
    changes BIGINT        NOT NULL
) ENGINE = InnoDB;
