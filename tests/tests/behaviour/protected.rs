//! Whole routers behind one layer, and the answers of an application's own handlers.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{self, FromRef};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Method, Request, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use otp_auth::problem::{Problem, ProblemKind};
use otp_auth::{Claims, CurrentUser, OtpAuth, VerifiedUser};
use otp_auth_tests::config::{BodyAuth, OTHER_SECRET, Tuned};
use otp_auth_tests::{Answer, App, Client, Fault, Mode, Operation, Setup, Typed};
use tower::ServiceExt;

use crate::support::{ANN, BOB};

type Auth = Tuned<BodyAuth>;

/// The state of an application, which is shared and not cloned.
struct AppState {
    auth: OtpAuth<Auth>,
}

impl FromRef<AppState> for OtpAuth<Auth> {
    fn from_ref(state: &AppState) -> Self {
        state.auth.clone()
    }
}

async fn user(user: CurrentUser<Auth>) -> String {
    user.email.clone()
}

async fn verified(user: VerifiedUser<Auth>) -> String {
    user.email.clone()
}

async fn claims(claims: Claims<Auth>) -> String {
    claims.user_id().to_string()
}

async fn maybe(user: Option<CurrentUser<Auth>>) -> String {
    user.map_or("nobody".to_owned(), |user| user.email.clone())
}

async fn twice(one: CurrentUser<Auth>, two: CurrentUser<Auth>) -> String {
    format!("{} {}", one.email, two.email)
}

async fn only_bob(user: CurrentUser<Auth>) -> Result<String, Problem> {
    match user.email.as_str() {
        BOB => Ok("welcome".to_owned()),
        ANN => Err(Problem::new(ProblemKind::Forbidden).with_detail("Bob's own.")),
        _ => Err(ProblemKind::Forbidden.into()),
    }
}

async fn typed() -> Typed<BodyAuth> {
    Setup::new(Mode::Body).typed().await
}

/// Every route is behind one of the layers.
fn members(auth: &OtpAuth<Auth>) -> Router {
    let guarded = Router::new()
        .route("/user", get(user))
        .route("/verified", get(verified))
        .route("/claims", get(claims))
        .route("/maybe", get(maybe))
        .route("/twice", get(twice))
        .route("/only-bob", get(only_bob))
        .route_layer(auth.require_user());
    let plain = || get("in");
    Router::new()
        .nest("/guarded", guarded)
        .route("/user", plain().route_layer(auth.require_user()))
        .route("/verified", plain().route_layer(auth.require_verified_user()))
        .route("/claims", plain().route_layer(auth.require_claims()))
        .with_state(Arc::new(AppState { auth: auth.clone() }))
}

/// The same routes, each with an extractor and without a layer.
fn extractors(auth: &OtpAuth<Auth>) -> Router {
    Router::new()
        .route("/user", get(user))
        .route("/verified", get(verified))
        .route("/claims", get(claims))
        .with_state(Arc::new(AppState { auth: auth.clone() }))
}

async fn ask(router: &Router, method: Method, path: &str, fields: &[&str]) -> Answer {
    let request = Request::builder().method(method).uri(path);
    let request = fields.iter().fold(request, |request, field| request.header(AUTHORIZATION, *field));
    Answer::read(router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()).await
}

async fn signed_in(app: &App, email: &str) -> (Client, String) {
    let mut client = app.client();
    client.sign_in(email).await;
    let bearer = format!("Bearer {}", client.token());
    (client, bearer)
}

#[tokio::test]
async fn br_a_layer_refuses_what_its_extractor_refuses_and_in_the_same_words() {
    let typed = typed().await;
    let (layers, extractors) = (members(&typed.auth), extractors(&typed.auth));
    let (_, good) = signed_in(&typed.app, ANN).await;
    let (mut gone, revoked) = signed_in(&typed.app, BOB).await;
    gone.logout().await.ok();
    let (_, unverified) = signed_in(&typed.app, "carol@example.com").await;
    let carol = typed.app.users().await.into_iter().find(|user| user.email.starts_with("carol")).unwrap();
    typed.app.unverify(&carol).await;

    let mut statuses = Vec::new();
    for path in ["/user", "/verified", "/claims"] {
        for fields in
            [&[][..], &["Bearer x"], &["Basic x"], &["nothing"], &[&good, &good], &[&revoked], &[&unverified], &[&good]]
        {
            for fault in [None, Some(Fault::Fail)] {
                if let Some(fault) = fault {
                    typed.app.faults.set(Operation::CurrentUser, fault);
                }
                let layer = ask(&layers, Method::GET, path, fields).await;
                let extractor = ask(&extractors, Method::GET, path, fields).await;
                typed.app.faults.clear();
                assert_eq!(layer.status, extractor.status, "{path} {fields:?}");
                statuses.push(layer.status.as_u16());
                if layer.status == StatusCode::OK {
                    assert_eq!(layer.text(), "in");
                } else {
                    layer.assert_problem();
                    assert_eq!((layer.headers, layer.body), (extractor.headers, extractor.body), "{path} {fields:?}");
                }
            }
        }
    }
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses, [200, 400, 401, 403, 503]);
}

#[tokio::test]
async fn the_user_that_a_layer_has_found_is_not_loaded_again() {
    let typed = typed().await;
    let router = members(&typed.auth);
    let (_, bearer) = signed_in(&typed.app, ANN).await;
    for (path, said, loads) in [
        ("/guarded/user", ANN, 1),
        ("/guarded/verified", ANN, 1),
        ("/guarded/maybe", ANN, 1),
        ("/guarded/claims", "1", 1),
        // A user type need not be `Clone`.
        ("/guarded/twice", "ann@example.com ann@example.com", 2),
        ("/user", "in", 1),
        ("/claims", "in", 0),
    ] {
        typed.app.faults.take_calls();
        let answer = ask(&router, Method::GET, path, &[&bearer]).await.ok();
        let calls = typed.app.faults.take_calls();
        let count = calls.iter().filter(|call| **call == Operation::CurrentUser).count();
        assert_eq!((answer.text(), count, calls.len()), (said, loads, loads), "{path}: {calls:?}");
    }
}

#[tokio::test]
async fn a_verified_user_is_asked_for_behind_a_layer_as_well() {
    let typed = typed().await;
    let router = members(&typed.auth);
    let (_, bearer) = signed_in(&typed.app, ANN).await;
    typed.app.unverify(&typed.app.users().await[0]).await;
    ask(&router, Method::GET, "/guarded/user", &[&bearer]).await.ok();
    ask(&router, Method::GET, "/guarded/verified", &[&bearer]).await.problem(403, "not_verified");
}

/// A layer's result is valid only for the same credentials, and for the keys and the store that
/// they were checked with.
#[tokio::test]
async fn what_a_layer_has_found_is_nothing_to_other_credentials_and_to_another_application() {
    let typed = typed().await;
    let (_, ann) = signed_in(&typed.app, ANN).await;
    let (_, bob) = signed_in(&typed.app, BOB).await;
    let replaced = move |mut request: extract::Request, next: Next| {
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_str(&bob).unwrap());
        next.run(request)
    };
    let both = || Router::new().route("/user", get(user)).route("/claims", get(claims));
    let router = both()
        .route_layer(from_fn(replaced))
        .route_layer(typed.auth.require_user())
        .with_state(Arc::new(AppState { auth: typed.auth.clone() }));
    assert_eq!(ask(&router, Method::GET, "/user", &[&ann]).await.text(), BOB);
    assert_eq!(ask(&router, Method::GET, "/claims", &[&ann]).await.text(), "2");

    let other = Setup::new(Mode::Body).secret(&OTHER_SECRET).typed::<BodyAuth>().await;
    let router =
        both().route_layer(typed.auth.require_user()).with_state(Arc::new(AppState { auth: other.auth.clone() }));
    ask(&router, Method::GET, "/user", &[&ann]).await.problem(401, "invalid_token");
    ask(&router, Method::GET, "/claims", &[&ann]).await.problem(401, "invalid_token");
}

/// As the documentation of `require_user` promises.
#[tokio::test]
async fn a_layer_protects_the_routes_of_a_router_and_no_others() {
    let typed = typed().await;
    let (_, bearer) = signed_in(&typed.app, ANN).await;
    let open = || Router::new().route("/in", get("in")).route("/write", post("in"));
    let inner = Router::new().nest("/deep", open()).route("/in", get("in")).route_layer(typed.auth.require_user());
    let whole = open().fallback("nothing here").layer(typed.auth.require_user());
    let router = Router::<()>::new().nest("/members", inner).nest("/whole", whole).route("/open", get("open"));
    let status =
        async |method: Method, path: &str, fields: &[&str]| ask(&router, method, path, fields).await.status.as_u16();
    assert_eq!(status(Method::GET, "/open", &[]).await, 200);
    for path in ["/members/in", "/members/deep/in", "/whole/in"] {
        assert_eq!(status(Method::GET, path, &[]).await, 401, "{path}");
        assert_eq!(status(Method::GET, path, &[&bearer]).await, 200, "{path}");
        // Another method is a 401 before it is a 405.
        assert_eq!(status(Method::DELETE, path, &[]).await, 401, "{path}");
        assert_eq!(status(Method::DELETE, path, &[&bearer]).await, 405, "{path}");
    }
    assert_eq!(status(Method::POST, "/members/deep/write", &[]).await, 401);
    for path in ["/missing", "/members/missing", "/members/deep/missing"] {
        assert_eq!(status(Method::GET, path, &[]).await, 404, "{path}");
        assert_eq!(status(Method::GET, path, &[&bearer]).await, 404, "{path}");
    }
    assert_eq!(status(Method::GET, "/whole/missing", &[]).await, 401);
    assert_eq!(status(Method::GET, "/whole/missing", &[&bearer]).await, 200);
}

/// Without a token, a browser asks whether it may send one.
#[tokio::test]
async fn a_layer_outside_answers_preflights() {
    async fn cors(request: extract::Request, next: Next) -> Response {
        match *request.method() {
            Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
            _ => next.run(request).await,
        }
    }

    let typed = typed().await;
    let open = || Router::<()>::new().route("/in", get("in"));
    let outside = open().route_layer(typed.auth.require_user()).layer(from_fn(cors));
    let inside = open().layer(from_fn(cors)).route_layer(typed.auth.require_user());
    assert_eq!(ask(&outside, Method::OPTIONS, "/in", &[]).await.status, 204);
    assert_eq!(ask(&outside, Method::GET, "/in", &[]).await.status, 401);
    assert_eq!(ask(&inside, Method::OPTIONS, "/in", &[]).await.status, 401);
}

#[tokio::test]
async fn a_handler_answers_a_problem_of_ours() {
    let typed = typed().await;
    let router = members(&typed.auth);
    for (email, detail) in
        [(ANN, Some("Bob's own.")), (BOB, None), ("carol@example.com", Some(ProblemKind::Forbidden.detail()))]
    {
        let (_, bearer) = signed_in(&typed.app, email).await;
        let answer = ask(&router, Method::GET, "/guarded/only-bob", &[&bearer]).await;
        match detail {
            Some(detail) => assert_eq!(answer.problem(403, "forbidden").member("detail"), detail),
            None => assert_eq!(answer.ok().text(), "welcome"),
        }
    }
}
