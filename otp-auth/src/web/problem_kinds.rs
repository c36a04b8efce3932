//! The table of problems. The kinds, their texts and the sections of the
//! documentation are all made of it.

/// Hands the table to another macro. A row: what it means, its name, its
/// `code`, status, title and detail.
macro_rules! problem_kinds {
    ($then:ident) => {
        $then! {
            /// The body is not the JSON that the route takes.
            Malformed: "malformed", 422 UNPROCESSABLE_ENTITY, "Malformed request", "The body is not what this route takes.";
            /// The code has something else than digits, or none. Spaces, dashes and invisible characters do not count.
            MalformedCode: "malformed_code", 422 UNPROCESSABLE_ENTITY, "Malformed code", "A code has digits only. Enter it as it was sent.";
            /// The address is not accepted.
            InvalidEmail: "invalid_email", 422 UNPROCESSABLE_ENTITY, "Invalid address", "This is not an e-mail address that is accepted here.";
            /// Several `Authorization` fields, or one that is malformed (RFC 6750 section 3.1).
            InvalidRequest: "invalid_request", 400 BAD_REQUEST, "Invalid request", "Send exactly one Authorization field of the form: Bearer token.";
            /// The refresh tokens in the cookie and in the body are of different sessions. Send one of them, or sign out, which ends both.
            AmbiguousCredentials: "ambiguous_credentials", 400 BAD_REQUEST, "Ambiguous credentials", "The cookie and the body hold refresh tokens of different sessions. Send one of them.";
            /// The body has more than 16 KiB.
            BodyTooLarge: "body_too_large", 413 PAYLOAD_TOO_LARGE, "Body too large", "The body has more than 16 KiB.";
            /// The body is not `application/json`.
            UnsupportedMediaType: "unsupported_media_type", 415 UNSUPPORTED_MEDIA_TYPE, "Unsupported media type", "Send the body as application/json.";
            /// The route takes `POST` only.
            MethodNotAllowed: "method_not_allowed", 405 METHOD_NOT_ALLOWED, "Method not allowed", "This route takes POST only.";
            /// A browser sent the request from another origin.
            CrossOrigin: "cross_origin", 403 FORBIDDEN, "Cross-origin request", "This route takes no requests from other origins.";
            /// In developer mode this machine alone is served, and the `developer_hosts`.
            DeveloperModeHost: "developer_mode_host", 403 FORBIDDEN, "Not served in developer mode", "In developer mode this machine alone is served. Use localhost, or name the host: developer_hosts = [\"…\"].";
            /// Wait for `Retry-After` seconds, then ask again.
            ResendTooSoon: "resend_too_soon", 429 TOO_MANY_REQUESTS, "Too soon", "A code was requested a short while ago. Wait before asking for another one.";
            /// The attempts of this challenge are used up; ask for a new code.
            TooManyAttempts: "too_many_attempts", 429 TOO_MANY_REQUESTS, "Too many attempts", "Too many codes were tried. Ask for a new code.";
            /// Wrong, expired or used code, or another challenge.
            InvalidCode: "invalid_code", 401 UNAUTHORIZED, "Invalid code", "The code is not valid. It may be wrong, expired or used.";
            /// The application refused this user.
            SignInRefused: "sign_in_refused", 403 FORBIDDEN, "Sign-in refused", "You cannot sign in to this application.";
            /// Not a refresh token that is accepted.
            InvalidRefreshToken: "invalid_refresh_token", 401 UNAUTHORIZED, "Invalid refresh token", "The refresh token is not valid. Sign in again.";
            /// The session has been signed out or ended.
            SessionRevoked: "session_revoked", 401 UNAUTHORIZED, "Session ended", "The session has been ended. Sign in again.";
            /// No access token was sent.
            MissingToken: "missing_token", 401 UNAUTHORIZED, "Authentication required", "Send an access token as a bearer token.";
            /// Not an access token that is accepted.
            InvalidToken: "invalid_token", 401 UNAUTHORIZED, "Invalid token", "The access token is not valid.";
            /// The user's address is not verified.
            NotVerified: "not_verified", 403 FORBIDDEN, "Address not verified", "This needs a verified e-mail address.";
            /// The user may not do this. Only handlers of the application answer so.
            Forbidden: "forbidden", 403 FORBIDDEN, "Forbidden", "You are not allowed to do this.";
            /// The code could not be delivered; ask again. Unless it may be out, it does not count as sent.
            DeliveryFailed: "delivery_failed", 503 SERVICE_UNAVAILABLE, "Delivery failed", "The code could not be sent. Try again.";
            /// The mail server refuses this address for good. Asking again is of no use.
            AddressRefused: "address_refused", 422 UNPROCESSABLE_ENTITY, "Address refused", "No mail can be delivered to this address. Check it, or use another one.";
            /// The database did not do its part; try again.
            StoreUnavailable: "store_unavailable", 503 SERVICE_UNAVAILABLE, "Service unavailable", "The service is unavailable for the moment. Try again.";
            /// A fault of the application; its log says which.
            InternalError: "internal_error", 500 INTERNAL_SERVER_ERROR, "Internal error", "Something is wrong with this application.";
        }
    };
}

/// A section for each kind, where its `type` leads.
macro_rules! sections {
    ($($(#[doc = $doc:literal])+ $name:ident: $code:literal, $number:literal $status:ident, $title:literal, $detail:literal;)*) => {
        concat!($("### `", $code, "`\n\n", $number, ".", $($doc,)+ "\n\n"),*)
    };
}
