-- Tables of otp-auth for MySQL and MariaDB, in the current database. All times
-- are milliseconds since 1970-01-01 UTC. Nothing here touches the
-- application's tables. Keys are binary: no collation has a say in them. Each
-- statement may be run again, because this database commits each at once.

CREATE TABLE IF NOT EXISTS otp_challenges (
    `key`       BINARY(32) NOT NULL PRIMARY KEY, -- SHA-256 of what the client holds
    identity    BINARY(32) NOT NULL,             -- HMAC of the canonical address
    nonce       BINARY(16),                      -- NULL once the code was accepted
    code_mac    BINARY(32),                      -- NULL once the code was accepted
    tries       BIGINT     NOT NULL DEFAULT 0,
    created_at  BIGINT     NOT NULL,
    expires_at  BIGINT     NOT NULL,
    consumed_at BIGINT,
    INDEX otp_challenges_expires_at (expires_at)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS otp_budgets (
    identity        BINARY(32) NOT NULL,
    requester       TINYINT    NOT NULL, -- 0: anybody, 1: a known device
    next_send_at    BIGINT     NOT NULL,
    hour_started_at BIGINT     NOT NULL,
    hour_sends      BIGINT     NOT NULL,
    day_started_at  BIGINT     NOT NULL,
    day_sends       BIGINT     NOT NULL,
    PRIMARY KEY (identity, requester),
    INDEX otp_budgets_day_started_at (day_started_at)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS otp_sessions (
    id           BINARY(16)     NOT NULL PRIMARY KEY,
    user_id      VARBINARY(768) NOT NULL, -- the id in its text form, `sub` of a token
    generation   BIGINT         NOT NULL,
    created_at   BIGINT         NOT NULL,
    refreshed_at BIGINT         NOT NULL,
    expires_at   BIGINT         NOT NULL,
    revoked_at   BIGINT,
    user_agent   VARCHAR(256),
    address      VARCHAR(45),
    INDEX otp_sessions_user_id (user_id),
    INDEX otp_sessions_expires_at (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS token_blacklist (
    id             BINARY(16)   NOT NULL PRIMARY KEY, -- of a token or a session
    type           VARBINARY(7) NOT NULL,             -- 'token' or 'session'
    blacklisted_at BIGINT       NOT NULL,
    expires_at     BIGINT       NOT NULL,
    INDEX token_blacklist_expires_at (expires_at)
) ENGINE = InnoDB;
