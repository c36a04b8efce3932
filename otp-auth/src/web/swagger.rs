//! A page that shows an `OpenAPI` document (Swagger UI).

use axum::response::Redirect;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

const DOCUMENT_NAME: &str = "openapi.json";

/// A page at `/docs` that shows a document and sends requests (Swagger UI). Everything is compiled
/// in. The document itself is at `/docs/openapi.json`. All URLs in it are relative, so you can nest
/// it below any prefix without parameters.
pub fn page<S>(api: OpenApi) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    page_at("/docs", api)
}

/// The same page at another path, such as `/admin/api`. Leading and trailing slashes are optional.
/// A page at `/` cannot be nested, because the browser looks up files beside the page.
///
/// # Panics
///
/// If the path has parameters or wildcards, like axum's routes.
pub fn page_at<S>(path: &str, api: OpenApi) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let path = format!("/{}", path.trim_matches('/'));
    let config = Config::new([DOCUMENT_NAME])
        .try_it_out_enabled(true)
        .persist_authorization(false)
        .display_request_duration(true)
        // By default, Swagger UI sends the document's URL to an external validator.
        .validator_url("none");
    let page: Router<S> = SwaggerUi::new("/").config(config).into();
    let document = get(|| async { Json(api) });
    if path == "/" {
        return page.route(&format!("/{DOCUMENT_NAME}"), document);
    }
    // Browsers look up files beside the page, so its path must end with `/`. The redirect is
    // relative, because the page may be nested anywhere.
    let below = path.rsplit('/').next().unwrap_or_default();
    let redirect = Redirect::to(&format!("{below}/"));
    Router::new()
        .route(&path, get(|| async { redirect }))
        .route(&format!("{path}/{DOCUMENT_NAME}"), document)
        .nest(&format!("{path}/"), page)
}
