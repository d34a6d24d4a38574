//! The shelf of marketing material, as staff fill it.

use crate::kit::{At, Reply, list_query, read, write};
use crate::outward::shown;
use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::Response;
use qd_app::App;
use qd_kernel::{Class, Page, Problem};
use qd_partners::MaterialId;
use qd_partners::material::{self, Draft, Material, MaterialFilter, MaterialKind, MaterialState, Picture};
use qd_runtime::access::Right;
use qd_runtime::files::{FileId, Mime};
use qd_web::body::whole;
use qd_web::{Answer, ApiProblem, Asker, Body, IdempotencyKey, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

list_query!(OfShelf {
    brand: String as String,
    language: String as String,
    kind: MaterialKind as MaterialKind,
    state: MaterialState as MaterialState,
});

impl OfShelf {
    pub fn filter(&self) -> MaterialFilter {
        MaterialFilter {
            brand: self.brand.clone(),
            language: self.language.clone(),
            kind: self.kind,
            state: self.state,
        }
    }
}

/// Material of my entities with the clicks it brought, the newest first.
#[utoipa::path(get, path = "/api/v1/partner-material", tag = "partners", params(OfShelf), responses((status = 200, body = Page<Material>)))]
pub async fn list(State(app): State<App>, Asker(caller): Asker, Params(q): Params<OfShelf>) -> Reply<Json<Value>> {
    let (page, filter) = (q.page()?, q.filter());
    read(&app, async move |tx| material::list(tx, &caller, &filter, &page).await).await
}

#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Upload {
    pub entity: String,
    pub brand: String,
    /// `de`, `pt-BR`
    pub language: String,
    #[param(value_type = MaterialKind)]
    pub kind: MaterialKind,
    pub name: String,
    /// Of a text, with `{link}` and `{code}` in it.
    pub body: Option<String>,
    /// Where it leads: a path of our own site, or an https address.
    pub landing: String,
}

/// How long a picture may take to arrive.
const UPLOAD_TIME: Duration = Duration::from_secs(120);
const MAX_PICTURE: usize = 4 * 1024 * 1024;

/// Puts material on the shelf. A banner's picture (PNG or JPEG, 4 MB) is the body; texts and landing
/// pages have an empty one.
#[utoipa::path(post, path = "/api/v1/partner-material", tag = "partners", params(Upload), request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 201, body = Material)))]
pub async fn upload(State(app): State<App>, req: Request) -> Reply<Answer> {
    let (mut parts, body) = req.into_parts();
    let Asker(caller) = Asker::from_request_parts(&mut parts, &()).await?;
    let key = IdempotencyKey::from_request_parts(&mut parts, &()).await?;
    let Params(q) = Params::<Upload>::from_request_parts(&mut parts, &()).await?;
    caller.require(Right::PartnersManage)?;
    let bytes = whole(body, MAX_PICTURE, UPLOAD_TIME).await?;
    let draft = Draft {
        entity: q.entity.clone(),
        brand: q.brand.clone(),
        language: q.language.clone(),
        kind: q.kind,
        name: q.name.clone(),
        body: q.body.clone(),
        landing: q.landing.clone(),
    };
    let mut picture = None;
    if !bytes.is_empty() {
        let (width, height) =
            material::image_size(&bytes).ok_or_else(|| Problem::invalid("file", "picture_unreadable", "expected a PNG or JPEG picture"))?;
        let file = app.files.put(bytes.to_vec()).await?;
        picture = Some((file, width, height));
    }
    let (core, c) = (app.core.clone(), caller.clone());
    let input = json!({"query": q, "sha256": picture.as_ref().map(|(f, ..)| f.sha256.clone())});
    let kept = picture.clone();
    let done = write(&app, &caller, key, "material.upload", &input, 201, async move |tx| {
        let p = kept.as_ref().map(|(f, width, height)| Picture {
            file_id: f.id.to_string(),
            mime: f.mime.as_str().to_string(),
            width: *width,
            height: *height,
        });
        let m = material::upload(tx, &core, &c, &draft, p).await?;
        if let Some((f, ..)) = &kept {
            qd_runtime::files::record(tx, &core, f, &format!("material:{}", m.id)).await?;
        }
        Ok(m)
    })
    .await;
    let orphan = match &done {
        Ok(a) => a.replayed,
        Err(ApiProblem(p)) => !matches!(p.class, Class::Unavailable | Class::Bug),
    };
    if orphan && let Some((f, ..)) = picture {
        app.files.remove(f.id).await?;
    }
    done
}

#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WithdrawMaterial, example = json!({"reason": "The bonus it names ended."}))]
pub struct Withdraw {
    reason: String,
}

/// Withdraws material: its links answer so from now on, and clicks on them are counted.
#[utoipa::path(post, path = "/api/v1/partner-material/{id}/withdraw", tag = "partners", request_body = Withdraw, responses((status = 200, body = Material)))]
pub async fn withdraw(
    State(app): State<App>,
    Asker(caller): Asker,
    key: IdempotencyKey,
    At(id): At<MaterialId>,
    Body(req): Body<Withdraw>,
) -> Reply<Answer> {
    let (core, c, r) = (app.core.clone(), caller.clone(), req.clone());
    write(&app, &caller, key, "material.withdraw", &(id, &req), 200, async move |tx| {
        material::withdraw(tx, &core, &c, id, &r.reason).await
    })
    .await
}

/// The picture of a banner.
#[utoipa::path(get, path = "/api/v1/partner-material/{id}/picture", tag = "partners", responses((status = 200, content_type = "image/png", body = Vec<u8>)))]
pub async fn picture(State(app): State<App>, Asker(caller): Asker, At(id): At<MaterialId>) -> Reply<Response> {
    let file = app.core.db.read(async move |tx| material::picture(tx, &caller, id).await).await?;
    let c = app.files.get(FileId::parse(&file)?).await?;
    let mime: Mime = c.mime;
    Ok(shown(mime.as_str(), c.bytes, "private, max-age=300"))
}
