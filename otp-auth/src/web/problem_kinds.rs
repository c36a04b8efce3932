//! The table of problems: their kinds, texts and documentation come from it.

/// Passes the table to another macro. A row: what it means, its name, its
/// `code`, status, title and detail.
macro_rules! problem_kinds {
    ($then:ident) => {
        $then! {
            /// The body is not the JSON that the route expects.
            Malformed: "malformed", 422 UNPROCESSABLE_ENTITY, "Malformed request", "The body is not the JSON that this route expects.";
            /// The code has no digits, or characters other than digits. Spaces, dashes and invisible characters are ignored.
            MalformedCode: "malformed_code", 422 UNPROCESSABLE_ENTITY, "Malformed code", "A code consists of digits only. Enter it exactly as you received it.";
            /// The address is not valid, or in a form that is not accepted.
            InvalidEmail: "invalid_email", 422 UNPROCESSABLE_ENTITY, "Invalid address", "This is not an accepted e-mail address. Enter a plain one, such as ann@example.com.";
            /// More than one `Authorization` header, or a malformed one (RFC 6750 section 3.1).
            InvalidRequest: "invalid_request", 400 BAD_REQUEST, "Invalid request", "Send exactly one Authorization header, of the form \"Bearer <token>\".";
            /// The refresh tokens in the cookie and in the body belong to different sessions. Send only one of them, or sign out, which ends both.
            AmbiguousCredentials: "ambiguous_credentials", 400 BAD_REQUEST, "Ambiguous credentials", "The cookie and the body have refresh tokens of different sessions. Send only one of them.";
            /// The body is larger than 16 KiB.
            BodyTooLarge: "body_too_large", 413 PAYLOAD_TOO_LARGE, "Body too large", "The body is larger than 16 KiB.";
            /// The body did not arrive within 10 seconds (RFC 9110 section 15.5.9).
            RequestTimeout: "request_timeout", 408 REQUEST_TIMEOUT, "Request timeout", "The body did not arrive in time. Send the request again.";
            /// The body is not `application/json`.
            UnsupportedMediaType: "unsupported_media_type", 415 UNSUPPORTED_MEDIA_TYPE, "Unsupported media type", "Send the body as application/json.";
            /// The route accepts only `POST`.
            MethodNotAllowed: "method_not_allowed", 405 METHOD_NOT_ALLOWED, "Method not allowed", "This route accepts only POST.";
            /// A browser sent the request from another origin.
            CrossOrigin: "cross_origin", 403 FORBIDDEN, "Cross-origin request", "This route does not accept requests from other origins.";
            /// Developer mode serves only this machine and the `developer_hosts`.
            DeveloperModeHost: "developer_mode_host", 403 FORBIDDEN, "Not served in developer mode", "Developer mode serves only this machine. Use localhost, or add the host: developer_hosts = [\"…\"].";
            /// The application asks for a `proof`, such as the token of a captcha, before it sends a code. Send the request again with one. A proof that was not accepted gets the same answer.
            ProofRequired: "proof_required", 403 FORBIDDEN, "Proof required", "Show that you are not a robot, and send the request again with the \"proof\".";
            /// Too many requests came from the network or session of the client. Wait for `Retry-After` seconds.
            TooManyRequests: "too_many_requests", 429 TOO_MANY_REQUESTS, "Too many requests", "Too many requests came from your network or session. Wait before you try again.";
            /// Wait for `Retry-After` seconds, then request a code again.
            ResendTooSoon: "resend_too_soon", 429 TOO_MANY_REQUESTS, "Code requested too soon", "A code was requested a moment ago. Wait before you request another one.";
            /// The challenge has no attempts left. Request a new code.
            TooManyAttempts: "too_many_attempts", 429 TOO_MANY_REQUESTS, "Too many attempts", "This code can no longer be used. Request a new one.";
            /// Strangers have entered 100 wrong codes in a row for this address. Sign in on a known device, with the `unlock` token of an e-mail, or after the administrator has called [`OtpAuth::unlock`](crate::OtpAuth::unlock). Waiting does not help.
            AddressLocked: "address_locked", 403 FORBIDDEN, "Address locked", "Too many wrong codes were entered for this address. Sign in on a device that you have used before, or follow the latest e-mail.";
            /// The code is wrong, expired or used, or belongs to another challenge.
            InvalidCode: "invalid_code", 401 UNAUTHORIZED, "Invalid code", "The code is not valid. It may be wrong, expired or used.";
            /// The application rejected this sign-in, or its `filter` excludes the user.
            SignInRefused: "sign_in_refused", 403 FORBIDDEN, "Sign-in rejected", "You cannot sign in to this application.";
            /// The refresh token is not valid.
            InvalidRefreshToken: "invalid_refresh_token", 401 UNAUTHORIZED, "Invalid refresh token", "The refresh token is not valid. Sign in again.";
            /// The session was signed out or revoked.
            SessionRevoked: "session_revoked", 401 UNAUTHORIZED, "Session ended", "This session has ended. Sign in again.";
            /// No access token was sent.
            MissingToken: "missing_token", 401 UNAUTHORIZED, "Authentication required", "Send an access token as a bearer token.";
            /// The access token is not valid.
            InvalidToken: "invalid_token", 401 UNAUTHORIZED, "Invalid token", "The access token is not valid.";
            /// The user's address is not verified.
            NotVerified: "not_verified", 403 FORBIDDEN, "Address not verified", "Your e-mail address is not verified. Sign in again to verify it.";
            /// The user may not do this. Only your own handlers return this.
            Forbidden: "forbidden", 403 FORBIDDEN, "Forbidden", "You are not allowed to do this.";
            /// The code could not be delivered. Request it again. It counts as sent only if it may have been delivered.
            DeliveryFailed: "delivery_failed", 503 SERVICE_UNAVAILABLE, "Delivery failed", "The code could not be sent. Try again.";
            /// The mail server permanently rejects this address. Do not retry.
            AddressRefused: "address_refused", 422 UNPROCESSABLE_ENTITY, "Address rejected", "E-mail to this address cannot be delivered. Check the address, or use another one.";
            /// Too many requests are waiting for their bodies, and this one has waited longest. Try again.
            Overloaded: "overloaded", 503 SERVICE_UNAVAILABLE, "Overloaded", "Too many requests arrive at the same time. Try again.";
            /// The store failed, or too many calls to it are in progress. Try again.
            StoreUnavailable: "store_unavailable", 503 SERVICE_UNAVAILABLE, "Service unavailable", "The service is temporarily unavailable. Try again.";
            /// A fault of the application. Its log has the cause.
            InternalError: "internal_error", 500 INTERNAL_SERVER_ERROR, "Internal error", "The application failed to handle the request.";
        }
    };
}

/// A section for each kind, which its `type` links to.
macro_rules! sections {
    ($($(#[doc = $doc:literal])+ $name:ident: $code:literal, $number:literal $status:ident, $title:literal, $detail:literal;)*) => {
        concat!($("### `", $code, "`\n\n", $number, ".", $($doc,)+ "\n\n"),*)
    };
}
