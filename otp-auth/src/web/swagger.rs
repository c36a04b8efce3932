//! A page that shows an `OpenAPI` document (Swagger UI).

use axum::response::Redirect;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The document, beside the page.
const DOCUMENT_NAME: &str = "openapi.json";

/// A page at `/docs` that shows a document and sends requests (Swagger UI).
/// It needs no other server: everything is compiled in. The document itself
/// is at `/docs/openapi.json`. All addresses in it are relative, so it can be
/// nested below any prefix that has no parameters.
pub fn page<S>(api: OpenApi) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    page_at("/docs", api)
}

/// The same page at another path than `/docs`, such as `/admin/api`. A `/` at
/// its end means nothing, and neither does one that is missing at its start.
/// At `/` itself it cannot be nested: the files are looked up beside the page.
///
/// # Panics
///
/// When the path has parameters or wildcards, as axum's routes do.
pub fn page_at<S>(path: &str, api: OpenApi) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let path = format!("/{}", path.trim_matches('/'));
    let config = Config::new([DOCUMENT_NAME])
        .try_it_out_enabled(true)
        .persist_authorization(false)
        .display_request_duration(true)
        // Unless told, Swagger UI sends the document's URL to a validator of its own.
        .validator_url("none");
    let page: Router<S> = SwaggerUi::new("/").config(config).into();
    let document = get(|| async { Json(api) });
    if path == "/" {
        return page.route(&format!("/{DOCUMENT_NAME}"), document);
    }
    // Files are looked up beside the page, so its path ends with `/`. The
    // way there is relative: nobody here knows where the page is nested.
    let below = path.rsplit('/').next().unwrap_or_default();
    let redirect = Redirect::to(&format!("{below}/"));
    Router::new()
        .route(&path, get(|| async { redirect }))
        .route(&format!("{path}/{DOCUMENT_NAME}"), document)
        .nest(&format!("{path}/"), page)
}
