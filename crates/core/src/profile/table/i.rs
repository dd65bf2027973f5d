//! Profiles whose names begin with `i`.
//!
//! Made by `cargo xtask profiles` from `crates/core/profiles/`; not edited by hand.

use alloc::borrow::Cow::Borrowed;

use crate::profile::{
    AsClass, ClientAuthMethod, Endpoints, FieldMap, Login, Override, Profile, Redirect, RefreshRequest,
    StatusRange, When,
};
use crate::time::Span;
use crate::verdict::Verdict;

pub(super) const IMGUR: Profile = Profile {
    name: Borrowed("imgur"),
    title: Borrowed("Imgur"),
    as_class: AsClass::P0,
    endpoints: Endpoints {
        token: Some(Borrowed("https://api.imgur.com/oauth2/token")),
        authorization: Some(Borrowed("https://api.imgur.com/oauth2/authorize")),
        hosts: Borrowed(&[Borrowed("api.imgur.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Post]),
    lifetime: Some(Span::from_hours(672)),
    login: Login {
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://api.imgur.com/oauth2/addclient")),
        ..Login::PLAIN
    },
    fields: FieldMap {
        error: Borrowed(&[Borrowed("error"), Borrowed("data.error")]),
        error_description: Borrowed(&[Borrowed("error_description"), Borrowed("data.error")]),
        ..FieldMap::STANDARD
    },
    overrides: Borrowed(&[Override {
        name: Borrowed("refresh-token-dead"),
        when: When {
            status: Borrowed(&[StatusRange { from: 400, to: 403 }]),
            words: Borrowed(&[Borrowed("invalid refresh token")]),
            ..When::ANY
        },
        verdict: Verdict::PermanentGrant,
        may_have_rotated: false,
        retry_after: None,
        message: Borrowed("the refresh token is unknown or revoked"),
        source: Some(Borrowed("https://github.com/ShareX/ShareX/issues/1103")),
    }]),
    sources: Borrowed(&[Borrowed("https://apidocs.imgur.com/#authorization-and-oauth")]),
    unsure: Borrowed(&[(
        Borrowed("as_class"),
        Borrowed("answers are reported to carry the same refresh token"),
    )]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_APACHE: Profile = Profile {
    name: Borrowed("intermediary-apache"),
    title: Borrowed("Apache HTTP Server, in front of any server"),
    sources: Borrowed(&[Borrowed("https://httpd.apache.org/docs/2.4/mod/core.html")]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_APIGEE: Profile = Profile {
    name: Borrowed("intermediary-apigee"),
    title: Borrowed("Apigee, in front of any server"),
    sources: Borrowed(&[
        Borrowed(
            "https://cloud.google.com/apigee/docs/api-platform/troubleshoot/runtime/429-too-many-requests",
        ),
        Borrowed("https://cloud.google.com/apigee/docs/api-platform/reference/policies/quota-policy"),
    ]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_AWS_ALB: Profile = Profile {
    name: Borrowed("intermediary-aws-alb"),
    title: Borrowed("AWS Application Load Balancer, in front of any server"),
    sources: Borrowed(&[Borrowed(
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html",
    )]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_AWS_WAF_ALB: Profile = Profile {
    name: Borrowed("intermediary-aws-waf-alb"),
    title: Borrowed("AWS WAF on a load balancer, in front of any server"),
    sources: Borrowed(&[Borrowed(
        "https://docs.aws.amazon.com/waf/latest/developerguide/customizing-the-response-for-blocked-requests.html",
    )]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_AZURE_API_MANAGEMENT: Profile = Profile {
    name: Borrowed("intermediary-azure-api-management"),
    title: Borrowed("Azure API Management, in front of any server"),
    sources: Borrowed(&[
        Borrowed("https://learn.microsoft.com/azure/api-management/rate-limit-policy"),
        Borrowed("https://learn.microsoft.com/azure/api-management/quota-policy"),
    ]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_AZURE_FRONT_DOOR: Profile = Profile {
    name: Borrowed("intermediary-azure-front-door"),
    title: Borrowed("Azure Front Door, in front of any server"),
    sources: Borrowed(&[Borrowed("https://learn.microsoft.com/azure/frontdoor/troubleshoot-issues")]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_CLOUDFLARE: Profile = Profile {
    name: Borrowed("intermediary-cloudflare"),
    title: Borrowed("Cloudflare, in front of any server"),
    sources: Borrowed(&[
        Borrowed(
            "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/",
        ),
        Borrowed("https://developers.cloudflare.com/cloudflare-challenges/"),
    ]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_CLOUDFRONT_AWS_WAF: Profile = Profile {
    name: Borrowed("intermediary-cloudfront-aws-waf"),
    title: Borrowed("Amazon CloudFront with AWS WAF, in front of any server"),
    sources: Borrowed(&[Borrowed(
        "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/http-403-permission-denied.html",
    )]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_EDGE: Profile = Profile {
    name: Borrowed("intermediary-edge"),
    title: Borrowed("An edge or load balancer, in front of any server"),
    sources: Borrowed(&[Borrowed("https://www.rfc-editor.org/rfc/rfc9110#name-421-misdirected-request")]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_ENVOY_ISTIO: Profile = Profile {
    name: Borrowed("intermediary-envoy-istio"),
    title: Borrowed("Envoy or Istio, in front of any server"),
    sources: Borrowed(&[Borrowed(
        "https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/response_code_details",
    )]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_GATEWAY: Profile = Profile {
    name: Borrowed("intermediary-gateway"),
    title: Borrowed("An API gateway, in front of any server"),
    sources: Borrowed(&[
        Borrowed("https://www.rfc-editor.org/rfc/rfc6585#section-4"),
        Borrowed("https://www.rfc-editor.org/rfc/rfc9110#name-retry-after"),
    ]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_HEROKU_ROUTER: Profile = Profile {
    name: Borrowed("intermediary-heroku-router"),
    title: Borrowed("The Heroku router, in front of any server"),
    sources: Borrowed(&[Borrowed("https://devcenter.heroku.com/articles/error-codes")]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_NGINX: Profile = Profile {
    name: Borrowed("intermediary-nginx"),
    title: Borrowed("nginx, in front of any server"),
    sources: Borrowed(&[
        Borrowed("https://nginx.org/en/docs/http/ngx_http_core_module.html"),
        Borrowed("https://nginx.org/en/docs/http/ngx_http_proxy_module.html"),
    ]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_SITE: Profile = Profile {
    name: Borrowed("intermediary-site"),
    title: Borrowed("A site that is moved or closed, in front of any server"),
    sources: Borrowed(&[Borrowed("https://www.rfc-editor.org/rfc/rfc9110#name-redirection-3xx")]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_SQUID: Profile = Profile {
    name: Borrowed("intermediary-squid"),
    title: Borrowed("Squid, in front of any server"),
    sources: Borrowed(&[Borrowed("https://wiki.squid-cache.org/SquidFaq/SquidLogs")]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_TRAEFIK: Profile = Profile {
    name: Borrowed("intermediary-traefik"),
    title: Borrowed("Traefik, in front of any server"),
    sources: Borrowed(&[Borrowed("https://doc.traefik.io/traefik/routing/routers/")]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_UNKNOWN: Profile = Profile {
    name: Borrowed("intermediary-unknown"),
    title: Borrowed("Something unknown, in front of any server"),
    sources: Borrowed(&[Borrowed("https://www.rfc-editor.org/rfc/rfc9110#name-gateway")]),
    ..Profile::GENERIC
};

pub(super) const INTERMEDIARY_ZSCALER: Profile = Profile {
    name: Borrowed("intermediary-zscaler"),
    title: Borrowed("Zscaler, in front of any server"),
    sources: Borrowed(&[Borrowed("https://help.zscaler.com/zia/about-end-user-notifications")]),
    ..Profile::GENERIC
};

pub(super) const INTUIT_QUICKBOOKS: Profile = Profile {
    name: Borrowed("intuit-quickbooks"),
    title: Borrowed("Intuit QuickBooks Online"),
    as_class: AsClass::P3,
    grace: Span::from_hours(24),
    endpoints: Endpoints {
        issuer: Some(Borrowed("https://oauth.platform.intuit.com/op/v1")),
        token: Some(Borrowed("https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer")),
        authorization: Some(Borrowed("https://appcenter.intuit.com/connect/oauth2")),
        revocation: Some(Borrowed("https://developer.api.intuit.com/v2/oauth2/tokens/revoke")),
        hosts: Borrowed(&[Borrowed("oauth.platform.intuit.com")]),
        ..Endpoints::NONE
    },
    client_auth: Borrowed(&[ClientAuthMethod::Basic]),
    lifetime: Some(Span::from_hours(1)),
    login: Login {
        scope: Borrowed(&[Borrowed("com.intuit.quickbooks.accounting")]),
        redirect: Redirect::Registered,
        client: Some(Borrowed("https://developer.intuit.com/app/developer/dashboard")),
        ..Login::PLAIN
    },
    refresh: RefreshRequest {
        headers: Borrowed(&[(Borrowed("Accept"), Borrowed("application/json"))]),
        ..RefreshRequest::PLAIN
    },
    sources: Borrowed(&[
        Borrowed(
            "https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0",
        ),
        Borrowed(
            "https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/faq",
        ),
        Borrowed("https://developer.api.intuit.com/.well-known/openid_configuration"),
    ]),
    unsure: Borrowed(&[
        (
            Borrowed("grace"),
            Borrowed(
                "the value of the refresh token changes about once a day, and the former one is reported to work for about a day more; not documented as a promise",
            ),
        ),
        (
            Borrowed("login.redirect"),
            Borrowed("loopback is taken for development keys; production keys want https"),
        ),
    ]),
    ..Profile::GENERIC
};
