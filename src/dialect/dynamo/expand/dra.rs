//! How many GPUs a pod has, by limits or by resource claims (`internal/dra/dra.go`).

use super::super::read::text;
use super::command::name;
use super::pod::{Maker, Result};
use crate::kubernetes::container::list;
use crate::kubernetes::quantity::Quantity;
use crate::pods::Scene;
use crate::value::{Ids, Node, Str};

/// Whether a resource is GPUs, to the operator.
pub fn is_gpu(resource: &str) -> bool {
    let name = resource.to_lowercase();
    name == "gpu" || name.ends_with("/gpu") || name.contains("/mig-") || name.starts_with("gpu.")
}

/// The GPUs of a container by its limits, else by its requests; 0 if it names none, and where it is not a whole number.
pub fn scalar(container: Option<&Node>) -> std::result::Result<i64, Ids> {
    for key in ["limits", "requests"] {
        let amounts = container.and_then(|c| c.at(&["resources", key])?.as_map());
        let mut found: Vec<&(Str, Node)> = amounts
            .into_iter()
            .flatten()
            .filter(|(name, _)| is_gpu(name))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        if let Some((_, amount)) = found.first() {
            let whole = Quantity::from_node(amount).ok().and_then(|q| q.as_int());
            return whole.ok_or_else(|| amount.ids.clone());
        }
    }
    Ok(0)
}

/// Takes GPUs from a container's resources.
pub fn without_gpus(container: &mut Node) {
    for key in ["limits", "requests"] {
        let resources = container.map_mut().get_mut("resources");
        if let Some(amounts) = resources.and_then(|r| r.map_mut().get_mut(key)) {
            amounts.map_mut().retain(|name, _| !is_gpu(name));
        }
    }
}

/// The GPUs of a pod of a component.
pub fn gpus(maker: &Maker<'_>) -> Result<i64> {
    let main = maker.component.main();
    let whole = |ids: Ids| maker.fails("GPUs must be a whole number", &ids);
    let count = scalar(main).map_err(whole)?;
    let claims = main
        .and_then(|m| m.get("resources"))
        .map(|r| list(r, "claims"))
        .unwrap_or_default();
    if count > 0 || claims.is_empty() {
        return Ok(count);
    }
    let template = maker.component.template.as_ref();
    let pod_claims = template
        .and_then(|t| t.get("spec"))
        .map(|s| list(s, "resourceClaims"))
        .unwrap_or_default();
    let (mut total, mut seen) = (0, Vec::new());
    for claim in claims {
        let request = text(claim, &["request"]);
        let key = (name(claim), Str::from(request));
        if seen.contains(&key) {
            continue;
        }
        let found = pod_claims.iter().find(|p| name(p) == key.0);
        let fails = |reason: String| maker.fails(reason, &claim.ids);
        let source =
            found.ok_or_else(|| fails(format!("no `resourceClaims` of the pod is called `{}`", key.0)))?;
        total += claimed(maker, source, request).map_err(fails)?;
        seen.push(key);
    }
    Ok(total)
}

type Count = std::result::Result<i64, String>;

/// The GPUs that a claim of the pod asks for.
fn claimed(maker: &Maker<'_>, claim: &Node, request: &str) -> Count {
    let scene = maker.operator.scene;
    let find = |kind: &str, wanted: &str| {
        let mut all = scene.of_kind(kind, maker.namespace);
        all.find(|d| text(&d.root, &["metadata", "name"]) == wanted)
    };
    let (template, own) = (
        text(claim, &["resourceClaimTemplateName"]),
        text(claim, &["resourceClaimName"]),
    );
    let missing = |kind: &str, name: &str| {
        format!("the operator counts GPUs by the {kind} `{name}`, which is not in the input")
    };
    let spec = if !template.is_empty() {
        let found = find("ResourceClaimTemplate", template);
        let found = found.ok_or_else(|| missing("ResourceClaimTemplate", template))?;
        found.root.at(&["spec", "spec"])
    } else if !own.is_empty() {
        let found = find("ResourceClaim", own).ok_or_else(|| missing("ResourceClaim", own))?;
        found.root.get("spec")
    } else {
        return Err("a claim of the pod names neither a ResourceClaim nor a template".to_owned());
    };
    let requests = spec
        .and_then(|s| s.get("devices"))
        .map(|d| list(d, "requests"))
        .unwrap_or_default();
    let wanted: Vec<&Node> = requests
        .iter()
        .filter(|r| request.is_empty() || name(r) == request)
        .collect();
    if wanted.is_empty() && !request.is_empty() {
        return Err(format!("the claim has no device request `{request}`"));
    }
    wanted.into_iter().map(|r| devices(scene, r)).sum()
}

/// The GPUs of one device request.
fn devices(scene: &Scene<'_>, request: &Node) -> Count {
    if let Some(exactly) = request.get("exactly") {
        return if is_gpu_class(scene, exactly)? {
            exact(exactly)
        } else {
            Ok(0)
        };
    }
    let mut counts = Vec::new();
    for option in list(request, "firstAvailable") {
        let gpus = is_gpu_class(scene, option)?;
        counts.push(if gpus { Some(exact(option)?) } else { None });
    }
    match counts.first() {
        None => Err("a device request needs `exactly` or `firstAvailable`".to_owned()),
        Some(first) if counts.iter().all(|c| c == first) => Ok(first.unwrap_or(0)),
        _ => Err("the alternatives of a device request are not of one number of GPUs".to_owned()),
    }
}

fn exact(request: &Node) -> Count {
    match text(request, &["allocationMode"]) {
        "" | "ExactCount" => match request.get("count").and_then(Node::as_int).unwrap_or(0) {
            0 => Ok(1),
            n if n < 0 => Err("the number of devices must be positive".to_owned()),
            n => Ok(n),
        },
        mode => Err(format!(
            "with `allocationMode: {mode}` nobody knows how many GPUs a pod gets"
        )),
    }
}

/// Whether a device class is one of GPUs, by the drivers that its selectors and those of the request name.
fn is_gpu_class(scene: &Scene<'_>, request: &Node) -> std::result::Result<bool, String> {
    let class = text(request, &["deviceClassName"]);
    let found = scene
        .documents
        .iter()
        .find(|d| text(&d.root, &["kind"]) == "DeviceClass" && text(&d.root, &["metadata", "name"]) == class);
    let own = found
        .and_then(|d| d.root.get("spec"))
        .map(|s| list(s, "selectors"))
        .unwrap_or_default();
    let selectors: Vec<&Node> = own.iter().chain(list(request, "selectors")).collect();
    let drivers: Vec<bool> = selectors
        .iter()
        .map(|s| text(s, &["cel", "expression"]))
        .filter(|e| !e.contains("||"))
        .flat_map(drivers)
        .map(|d| looks_like_gpu(&d))
        .collect();
    let resource = found.map_or("", |d| text(&d.root, &["spec", "extendedResourceName"]));
    match drivers.first() {
        Some(first) if drivers.iter().all(|d| d == first) => Ok(*first),
        Some(_) => Err(format!(
            "the device class `{class}` names drivers of GPUs and of others"
        )),
        None if !resource.is_empty() => Ok(is_gpu(resource)),
        None if selectors.is_empty() && looks_like_gpu(class) => Ok(true),
        None => Err(format!(
            "nobody can tell whether the device class `{class}` is one of GPUs"
        )),
    }
}

/// The drivers that an expression asks for: `device.driver == "…"` at its beginning or behind `&&`.
fn drivers(expression: &str) -> Vec<String> {
    let parts = expression
        .split("&&")
        .map(|p| p.trim().trim_start_matches(['(', ' ']));
    parts
        .filter_map(|part| {
            let rest = part.strip_prefix("device.driver")?.trim_start();
            let rest = rest.strip_prefix("==")?.trim_start();
            let quote = rest.chars().next().filter(|c| ['"', '\''].contains(c))?;
            let (driver, _) = rest[1..].split_once(quote)?;
            Some(driver.to_owned())
        })
        .collect()
}

fn looks_like_gpu(name: &str) -> bool {
    let name = name.to_lowercase();
    name == "gpu"
        || ["gpu.", "gpu/"].iter().any(|p| name.starts_with(p))
        || name.ends_with("/gpu")
        || name.contains("/gpu.")
        || name.contains("/gpu-")
}
