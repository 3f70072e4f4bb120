//! From a raw request target to an operation.

use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::operation::Operation;

/// The variable segments of a path by name.
pub(crate) type Params = Vec<(&'static str, String)>;

/// What a request target leads to.
pub(crate) enum Route {
    /// An operation and its variable segments.
    Found(Operation, Params),
    /// The path exists with other verbs.
    OtherMethod,
    /// Nothing lives here.
    Unknown,
}

/// Finds the operation behind a path. Of several templates the one with the most fixed segments wins, so that
/// `/users/actions/bulk` is never taken for a user called `actions`.
pub(crate) fn find(tables: &[&[Operation]], bases: &[&str], method: &Method, path: &str) -> Route {
    let Some(segments) = below_base(bases, path) else {
        return Route::Unknown;
    };
    let mut best: Option<(usize, Operation, Params)> = None;
    let mut other_method = false;
    for operation in tables.iter().copied().flatten() {
        let Some((fixed, params)) = matches(operation.path, &segments) else {
            continue;
        };
        if !operation.method.is(method) {
            other_method = true;
        } else if best.as_ref().is_none_or(|(most, ..)| fixed > *most) {
            best = Some((fixed, *operation, params));
        }
    }
    match best {
        Some((_, operation, params)) => Route::Found(operation, params),
        None if other_method => Route::OtherMethod,
        None => Route::Unknown,
    }
}

/// The decoded query parameters, in order.
pub(crate) fn query(raw: Option<&str>) -> Vec<(String, String)> {
    raw.unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decoded(&key.replace('+', " ")), decoded(&value.replace('+', " "))))
        .collect()
}

/// The variable segments of a template, when a path fits it.
fn matches(template: &'static str, segments: &[String]) -> Option<(usize, Params)> {
    let pattern: Vec<&'static str> = template.split('/').filter(|part| !part.is_empty()).collect();
    if pattern.len() != segments.len() {
        return None;
    }
    let mut params = Vec::new();
    for (part, segment) in pattern.iter().zip(segments) {
        match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => params.push((name, segment.clone())),
            None if part == segment => {}
            None => return None,
        }
    }
    Some((pattern.len() - params.len(), params))
}

fn below_base(bases: &[&str], path: &str) -> Option<Vec<String>> {
    // Empty segments go, so that `//` and a trailing slash mean nothing; decoding comes after splitting, so that an
    // encoded slash stays inside its segment.
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    bases.iter().find_map(|base| {
        let base: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
        let rest = segments.strip_prefix(base.as_slice())?;
        Some(rest.iter().map(|part| decoded(part)).collect())
    })
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
