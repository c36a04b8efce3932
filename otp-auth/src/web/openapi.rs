//! The routes as an `OpenAPI` 3.1 document, and with the feature `swagger-ui` a page to try them.
//!
//! The document reflects the configuration's delivery, so it has the actual bodies and cookies.
//! Nest it into your application's document under the path where you mount the router:
//!
//! ```
//! use otp_auth::{ConsoleSender, MemoryStore, OtpAuth, OtpUser, otp_config};
//! use utoipa::OpenApi;
//!
//! # #[derive(Clone, OtpUser)]
//! # struct User { #[otp(id)] id: i64, #[otp(email)] email: String }
//! # #[otp_config(user = User, developer_mode = cfg!(debug_assertions))]
//! # struct Auth { #[otp(sender)] sender: ConsoleSender }
//! /// The application's own routes.
//! #[derive(OpenApi)]
//! #[openapi(info(title = "My application", version = "1.0.0"))]
//! struct Api;
//!
//! # let store = MemoryStore::new(|new| User { id: new.number, email: new.email.to_owned() });
//! # let auth = OtpAuth::new(Auth { sender: ConsoleSender }, store)?;
//! let app: axum::Router<OtpAuth<Auth>> = axum::Router::new().nest("/auth", auth.router());
//! let document = Api::openapi().nest("/auth", auth.openapi());
//! # #[cfg(feature = "swagger-ui")]
//! let app = app.merge(otp_auth::openapi::page(document));
//! # Ok::<(), otp_auth::config::ConfigError>(())
//! ```

use axum::http::StatusCode;
use utoipa::ToSchema;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, Header, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, Ref,
    RefOr, Required, Response, ResponseBuilder, Schema,
};

use super::cookie::CookieKind;
use super::extract::AuthRejection;
use super::problem::{Problem, ProblemKind};
use super::route::Route;
use crate::auth::OtpAuth;
use crate::config::{OtpConfig, Settings};
use crate::delivery::Delivery;
use crate::wire::Message;

#[cfg(feature = "swagger-ui")]
pub use super::swagger::{page, page_at};

/// The name of the security scheme of access tokens. Use it in the `security` of your own routes.
pub const BEARER: &str = "bearer";
const REFRESH_COOKIE: &str = "refresh_cookie";
const CHALLENGE_COOKIE: &str = "challenge_cookie";
const PROBLEM: &str = "Problem";

impl<C: OtpConfig> OtpAuth<C> {
    /// The routes of [`router`](Self::router) as an `OpenAPI` 3.1 document:
    /// bodies, cookies, security schemes, and every problem with its `code`.
    ///
    /// Requires the feature `openapi`.
    #[must_use]
    pub fn openapi(&self) -> OpenApi {
        document::<C::Delivery>(self.settings())
    }
}

/// The responses of extractors that reject a request, for the documents of your own routes. They
/// refer to the schema `Problem` of [`OtpAuth::openapi`], so nest that into the same document.
///
/// ```
/// # use otp_auth::{ConsoleSender, CurrentUser, OtpUser, otp_config};
/// # #[derive(Clone, OtpUser)]
/// # struct User { #[otp(id)] id: i64, #[otp(email)] email: String }
/// # #[otp_config(user = User, developer_mode = cfg!(debug_assertions))]
/// # struct Auth { #[otp(sender)] sender: ConsoleSender }
/// use otp_auth::AuthRejection;
///
/// #[utoipa::path(
///     get, path = "/me", security(("bearer" = [])),
///     responses((status = 200, description = "The address"), AuthRejection),
/// )]
/// async fn me(user: CurrentUser<Auth>) -> String {
///     user.email.clone()
/// }
/// ```
impl utoipa::IntoResponses for AuthRejection {
    fn responses() -> std::collections::BTreeMap<String, RefOr<Response>> {
        by_status(&AuthRejection::KINDS)
            .map(|(status, kinds)| (status.as_u16().to_string(), problem_response(&kinds).into()))
            .collect()
    }
}

/// The kinds for each status, sorted by status.
fn by_status(kinds: &[ProblemKind]) -> impl Iterator<Item = (StatusCode, Vec<ProblemKind>)> {
    let mut statuses: Vec<_> = kinds.iter().map(|kind| kind.status()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    statuses.into_iter().map(|status| (status, kinds.iter().filter(|kind| kind.status() == status).copied().collect()))
}

fn document<D: Delivery>(settings: &Settings) -> OpenApi {
    let info = InfoBuilder::new()
        .title("Sign-in by one-time code")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Request a code, sign in with it, refresh, sign out. Errors are problem details (RFC 9457) with a stable `code`."));
    let paths = Route::ALL.into_iter().fold(PathsBuilder::new(), |paths, route| {
        paths.path(route.path(), PathItem::new(Route::METHOD, operation::<D>(route, settings)))
    });
    OpenApiBuilder::new().info(info.build()).paths(paths).components(Some(components::<D>(settings).build())).build()
}

fn components<D: Delivery>(settings: &Settings) -> ComponentsBuilder {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The `access_token` of a sign-in or a refresh (RFC 6750)."))
        .build();
    let components = ComponentsBuilder::new()
        .schema_from::<D::RequestBody>()
        .schema_from::<D::ChallengeIssued>()
        .schema_from::<D::VerifyBody>()
        .schema_from::<D::TokensIssued>()
        .schema_from::<Message>()
        .schema(PROBLEM, problem_schema(settings))
        .security_scheme(BEARER, SecurityScheme::Http(bearer));
    if !D::COOKIES {
        return components.schema_from::<D::RefreshBody>();
    }
    let components = components
        .security_scheme(REFRESH_COOKIE, cookie_scheme(CookieKind::Refresh, settings, "The refresh token."))
        .security_scheme(
            CHALLENGE_COOKIE,
            cookie_scheme(CookieKind::Challenge, settings, "Ties a code to the browser that requested it."),
        );
    if D::REFRESH_IN_BODY { components.schema_from::<D::RefreshBody>() } else { components }
}

fn cookie_scheme(kind: CookieKind, settings: &Settings, what: &str) -> SecurityScheme {
    // The page shows an input for each scheme, which cannot set a cookie.
    let description = format!("{what} Browsers store and send it, so leave this empty.");
    SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(kind.name(settings).as_ref(), &description)))
}

/// A route with its bodies, success response and problems.
fn operation<D: Delivery>(route: Route, settings: &Settings) -> Operation {
    let [id, summary, success] = route.texts();
    let success = match route {
        Route::RequestOtp => answer::<D::ChallengeIssued>(success),
        Route::VerifyOtp | Route::Refresh => answer::<D::TokensIssued>(success),
        Route::Logout => answer::<Message>(success),
    };
    let success = if D::COOKIES { with_cookies(success, settings, route.cookies(settings)) } else { success };
    let operation =
        OperationBuilder::new().tag("auth").operation_id(Some(id)).summary(Some(summary)).response("200", success);
    let problems = route.problems::<D>(settings);
    let operation = by_status(&problems).fold(operation, |operation, (status, kinds)| {
        operation.response(status.as_u16().to_string(), problem_response(&kinds))
    });
    match route {
        Route::RequestOtp => with_body::<D::RequestBody>(operation, Required::True),
        Route::VerifyOtp => with_body::<D::VerifyBody>(or_in_body::<D>(with_challenge::<D>(operation)), Required::True),
        Route::Refresh => or_in_body::<D>(with_refresh_token::<D>(operation)),
        Route::Logout => {
            with_refresh_token::<D>(operation).security(requirement(BEARER)).security(SecurityRequirement::default())
        }
    }
    .build()
}

/// The cookie is not needed if the body can replace it.
fn or_in_body<D: Delivery>(operation: OperationBuilder) -> OperationBuilder {
    if D::COOKIES && D::REFRESH_IN_BODY { operation.security(SecurityRequirement::default()) } else { operation }
}

/// The source of the challenge: its cookie, or the body.
fn with_challenge<D: Delivery>(operation: OperationBuilder) -> OperationBuilder {
    if D::COOKIES { operation.security(requirement(CHALLENGE_COOKIE)) } else { operation }
}

/// The source of the refresh token: its cookie, or the body.
fn with_refresh_token<D: Delivery>(operation: OperationBuilder) -> OperationBuilder {
    let operation = if D::COOKIES { operation.security(requirement(REFRESH_COOKIE)) } else { operation };
    if D::REFRESH_IN_BODY { with_body::<D::RefreshBody>(operation, Required::False) } else { operation }
}

fn requirement(scheme: &str) -> SecurityRequirement {
    SecurityRequirement::new::<_, [&str; 0], &str>(scheme, [])
}

fn with_body<T: ToSchema>(operation: OperationBuilder, required: Required) -> OperationBuilder {
    let content = ContentBuilder::new().schema(Some(reference::<T>())).build();
    let body = RequestBodyBuilder::new().content("application/json", content).required(Some(required));
    operation.request_body(Some(body.build()))
}

fn answer<T: ToSchema>(description: &str) -> Response {
    ResponseBuilder::new()
        .description(description)
        .content("application/json", ContentBuilder::new().schema(Some(reference::<T>())).build())
        .header("Cache-Control", text_header("Always `no-store`."))
        .build()
}

fn reference<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

fn text_header(description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(description))
        .build()
}

fn with_cookies(mut response: Response, settings: &Settings, kinds: &[CookieKind]) -> Response {
    let names: Vec<_> = kinds.iter().map(|kind| format!("`{}`", kind.name(settings))).collect();
    let header = text_header(&format!("Sets or clears {}.", names.join(", ")));
    response.headers.insert("Set-Cookie".to_owned(), header.into());
    response
}

/// One response for all problems of a status, which differ in `code`.
fn problem_response(kinds: &[ProblemKind]) -> Response {
    let narrowed = AllOfBuilder::new()
        .item(Ref::from_schema_name(PROBLEM))
        .item(ObjectBuilder::new().schema_type(Type::Object).property("code", code_schema(kinds)));
    let details: Vec<_> = kinds.iter().map(|kind| format!("`{}`: {}", kind.code(), kind.detail())).collect();
    let examples = kinds.iter().map(|kind| (kind.code(), ExampleBuilder::new().value(Problem::example(*kind)).build()));
    let content = ContentBuilder::new().schema(Some(Schema::AllOf(narrowed.build()))).examples_from_iter(examples);
    let response = ResponseBuilder::new()
        .description(details.join("\n\n"))
        .content("application/problem+json", content.build())
        .header("Cache-Control", text_header("Always `no-store`."));
    let response = match kinds.first().map(|kind| kind.status().as_u16()) {
        Some(401) => response.header("WWW-Authenticate", text_header("A `Bearer` challenge.")),
        Some(429 | 503) => response.header("Retry-After", text_header("Seconds to wait.")),
        _ => response,
    };
    response.build()
}

fn code_schema(kinds: &[ProblemKind]) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(kinds.iter().map(|kind| kind.code())))
}

/// RFC 9457 section 3.1, and our own members.
fn problem_schema(settings: &Settings) -> RefOr<Schema> {
    let is_possible = |kind: &ProblemKind| settings.developer_mode || *kind != ProblemKind::DeveloperModeHost;
    let kinds: Vec<_> = ProblemKind::ALL.iter().copied().filter(is_possible).collect();
    let text = |description: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    let number = |description: &str| ObjectBuilder::new().schema_type(Type::Integer).description(Some(description));
    let problem = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some("Problem details (RFC 9457)"))
        .property("type", text("A URI that identifies the kind of problem and links to its description."))
        .property("title", text("The kind of problem, for people."))
        .property("status", number("The HTTP status."))
        .property("detail", text("What to do, for people."))
        .property("code", code_schema(&kinds).description(Some("The kind of problem, for programs.")))
        .property("retry_after", number("Seconds to wait, the same as in `Retry-After`."));
    let required = ["type", "title", "status", "detail", "code"];
    required.into_iter().fold(problem, ObjectBuilder::required).into()
}
