// SPDX-License-Identifier: MIT
/*
 * Why a check did not simply succeed: the one table. The code ("tcp.refused") is what results carry
 * and people route by; the class says what a verdict may make of it:
 *   OK        nothing to report
 *   DOWN      the target failed: counts as a down vote
 *   WARNING   the target works but crossed a threshold: never a down vote
 *   INTERNAL  the probe could not look: never a vote at all
 * A new reason is one line here; its sentences are shown to customers, so no names of ours in them.
 * English and Japanese end without a full stop; the check adds what it saw as the result's detail.
 */
#ifndef QUORATE_REASON_H
#define QUORATE_REASON_H

#include "quorate/attr.h"

enum reason_class {
	REASON_CLASS_OK,
	REASON_CLASS_DOWN,
	REASON_CLASS_WARNING,
	REASON_CLASS_INTERNAL
};

// clang-format off
/*     enum                       code                       class    English                                                   Japanese */
#define REASON_TABLE(X) \
	X(OK,                     "ok",                      OK,       "the check succeeded",                                    "正常に応答しました") \
	X(DNS_NXDOMAIN,           "dns.nxdomain",            DOWN,     "the name does not exist",                                "名前が存在しません") \
	X(DNS_NO_ADDRESS,         "dns.no_address",          DOWN,     "the name has no address of the wanted family",           "名前に該当するアドレスがありません") \
	X(DNS_SERVFAIL,           "dns.servfail",            DOWN,     "the name server failed to answer the question",          "ネームサーバーが回答に失敗しました") \
	X(DNS_REFUSED,            "dns.refused",             DOWN,     "the name server refused the question",                   "ネームサーバーが問い合わせを拒否しました") \
	X(DNS_TIMEOUT,            "dns.timeout",             DOWN,     "no answer from the name server in time",                 "ネームサーバーから時間内に応答がありません") \
	X(DNS_BAD_RESPONSE,       "dns.bad_response",        DOWN,     "the name server's answer makes no sense",                "ネームサーバーの応答が不正です") \
	X(DNS_FORBIDDEN_ADDRESS,  "dns.forbidden_address",   DOWN,     "the name leads to an address that must not be contacted", "名前が接続を許可されていないアドレスを指しています") \
	X(DNS_UNREACHABLE,        "dns.unreachable",         DOWN,     "no name server could be reached",                        "ネームサーバーに到達できません") \
	X(DNS_TRUNCATED,          "dns.truncated",           DOWN,     "the name server's answer is cut off, and TCP does not bring the whole", "ネームサーバーの応答が途中で切れ、TCPでも取得できません") \
	X(DNS_RCODE,              "dns.rcode",               DOWN,     "the name server's response code is not an expected one", "ネームサーバーの応答コードが期待と異なります") \
	X(DNS_NO_RECORD,          "dns.no_record",           DOWN,     "the name has no record of the wanted kind",              "名前に該当する種類のレコードがありません") \
	X(DNS_CNAME_LOOP,         "dns.cname_loop",          DOWN,     "the name's aliases go round in a loop",                  "名前の別名（CNAME）がループしています") \
	X(DNS_ANSWER,             "dns.answer",              DOWN,     "the name server's answer is not the expected one",       "ネームサーバーの回答が期待と異なります") \
	X(DNS_TTL,                "dns.ttl",                 DOWN,     "the records' time to live is not as expected",           "レコードのTTLが期待と異なります") \
	X(DNS_NOT_AUTHORITATIVE,  "dns.not_authoritative",   DOWN,     "the name server does not answer with authority",         "ネームサーバーが権威ある応答を返しません") \
	X(DNS_NOT_AUTHENTICATED,  "dns.not_authenticated",   DOWN,     "the answer was not validated by DNSSEC",                 "応答がDNSSECで検証されていません") \
	X(L3_NO_ROUTE,            "l3.no_route",             DOWN,     "no route to the host",                                   "ホストへの経路がありません") \
	X(L3_HOST_UNREACHABLE,    "l3.host_unreachable",     DOWN,     "the host is unreachable",                                "ホストに到達できません") \
	X(L3_PROHIBITED,          "l3.prohibited",           DOWN,     "a router on the way refuses to pass the traffic",        "経路上のルーターが通信を拒否しました") \
	X(L3_TTL_EXCEEDED,        "l3.ttl_exceeded",         DOWN,     "a router on the way dropped the packet: its TTL was used up", "経路上でTTLが尽きパケットが破棄されました") \
	X(L3_FRAGMENTATION_NEEDED,"l3.fragmentation_needed", DOWN,     "the packet is too large for the way and must not be fragmented", "パケットが経路のMTUを超え、断片化が禁止されています") \
	X(L3_NO_REPLY,            "l3.no_reply",             DOWN,     "no ping was answered",                                   "pingへの応答がありません") \
	X(L3_LOSS,                "l3.loss",                 WARNING,  "too many pings were lost",                               "pingの損失が多すぎます") \
	X(TCP_REFUSED,            "tcp.refused",             DOWN,     "the connection was refused",                             "接続が拒否されました") \
	X(TCP_TIMEOUT,            "tcp.timeout",             DOWN,     "no answer to the connection attempt in time",            "接続要求に時間内に応答がありません") \
	X(TCP_RESET,              "tcp.reset",               DOWN,     "the connection was reset by the other side",             "接続が相手側からリセットされました") \
	X(TCP_CLOSED_EARLY,       "tcp.closed_early",        DOWN,     "the connection was closed too early",                    "接続が途中で閉じられました") \
	X(TCP_OPEN,               "tcp.open",                DOWN,     "the port is open but must be closed",                    "閉じているべきポートが開いています") \
	X(TCP_FAILED,             "tcp.failed",              DOWN,     "the connection failed",                                  "接続に失敗しました") \
	X(TLS_HANDSHAKE,          "tls.handshake",           DOWN,     "the TLS handshake failed",                               "TLSハンドシェイクに失敗しました") \
	X(TLS_TIMEOUT,            "tls.timeout",             DOWN,     "the TLS handshake took too long",                        "TLSハンドシェイクが時間内に終わりません") \
	X(TLS_NOT_TLS,            "tls.not_tls",             DOWN,     "the server does not speak TLS",                          "サーバーがTLSに対応していません") \
	X(TLS_OLD_VERSION,        "tls.old_version",         DOWN,     "the server speaks no TLS version that is safe to use",   "安全なTLSバージョンで通信できません") \
	X(TLS_CLIENT_CERTIFICATE, "tls.client_certificate",  DOWN,     "the server demands a client certificate",                "サーバーがクライアント証明書を要求しています") \
	X(TLS_ALERT,              "tls.alert",               DOWN,     "the server refused the TLS handshake",                   "サーバーがTLSハンドシェイクを拒否しました") \
	X(TLS_CLOSED_EARLY,       "tls.closed_early",        DOWN,     "the connection was closed during the TLS handshake",     "TLSハンドシェイク中に接続が閉じられました") \
	X(TLS_EXPIRED,            "tls.expired",             DOWN,     "the certificate has expired",                            "証明書の有効期限が切れています") \
	X(TLS_NOT_YET_VALID,      "tls.not_yet_valid",       DOWN,     "the certificate is not yet valid",                       "証明書がまだ有効になっていません") \
	X(TLS_WRONG_NAME,         "tls.wrong_name",          DOWN,     "the certificate is for another name",                    "証明書の名前が一致しません") \
	X(TLS_SELF_SIGNED,        "tls.self_signed",         DOWN,     "the certificate is self-signed",                         "証明書が自己署名です") \
	X(TLS_UNKNOWN_ISSUER,     "tls.unknown_issuer",      DOWN,     "the certificate's issuer is not trusted",                "証明書の発行者が信頼されていません") \
	X(TLS_INCOMPLETE_CHAIN,   "tls.incomplete_chain",    DOWN,     "the server leaves out an intermediate certificate",      "証明書チェーンが不完全です（中間証明書が送られていません）") \
	X(TLS_WEAK,               "tls.weak",                DOWN,     "the certificate is too weak",                            "証明書の暗号強度が不足しています") \
	X(TLS_REVOKED,            "tls.revoked",             DOWN,     "the certificate has been revoked",                       "証明書が失効しています") \
	X(TLS_UNTRUSTED,          "tls.untrusted",           DOWN,     "the certificate could not be verified",                  "証明書を検証できません") \
	X(TLS_VERSION,            "tls.version",             DOWN,     "the TLS version is not an allowed one",                  "許可されていないバージョンのTLSです") \
	X(TLS_ALPN,               "tls.alpn",               DOWN,     "the server takes none of the application protocols (ALPN)", "提示したアプリケーションプロトコルが拒否されました") \
	X(TLS_STARTTLS_REFUSED,   "tls.starttls_refused",   DOWN,     "the server does not change to TLS",                        "サーバーがTLSへの切り替えを拒否しました") \
	X(TLS_STARTTLS_UNEXPECTED, "tls.starttls_unexpected", DOWN,     "the server's answer before TLS makes no sense",            "TLS開始前のサーバーの応答が不正です") \
	X(TLS_WRONG_CERTIFICATE,  "tls.wrong_certificate",  DOWN,     "the certificate is not the expected one",                  "証明書が期待と異なります") \
	X(TLS_EXPIRES_SOON,       "tls.expires_soon",        WARNING,  "the certificate expires soon",                           "証明書の有効期限が近づいています") \
	X(HTTP_STATUS,            "http.status",             DOWN,     "the status code is not an expected one",                 "ステータスコードが期待と異なります") \
	X(HTTP_NO_RESPONSE,       "http.no_response",        DOWN,     "the server closed the connection without an answer",     "サーバーが応答せずに接続を閉じました") \
	X(HTTP_MALFORMED,         "http.malformed",          DOWN,     "the server's answer is not valid HTTP",                  "サーバーの応答がHTTPとして不正です") \
	X(HTTP_TIMEOUT,           "http.timeout",            DOWN,     "no complete answer in time",                             "時間内に応答が完了しません") \
	X(HTTP_TOO_LARGE,         "http.too_large",          DOWN,     "the answer is larger than allowed",                      "応答が許容サイズを超えています") \
	X(HTTP_PROTOCOL,          "http.protocol",           DOWN,     "the HTTP exchange failed",                               "HTTP通信に失敗しました") \
	X(HTTP_TOO_MANY_REDIRECTS,"http.too_many_redirects", DOWN,     "too many redirects",                                     "リダイレクトが多すぎます") \
	X(HTTP_REDIRECT_LOOP,     "http.redirect_loop",      DOWN,     "the redirects go round in a loop",                       "リダイレクトがループしています") \
	X(HTTP_REDIRECT_BAD,      "http.redirect_bad",       DOWN,     "a redirect leads to something that is not http or https", "リダイレクト先がhttp/httpsではありません") \
	X(HTTP_REDIRECT_DOWNGRADE,"http.redirect_downgrade", DOWN,     "a redirect leads from https to http",                    "httpsからhttpへリダイレクトされました") \
	X(HTTP_REDIRECT_HOP,      "http.redirect_hop",       DOWN,     "a redirect is not the expected one",                     "リダイレクトが期待と異なります") \
	X(HTTP_REDIRECT_FINAL,    "http.redirect_final",     DOWN,     "the redirects do not end where they must",               "リダイレクトの最終地点が期待と異なります") \
	X(HTTP_REDIRECT_FOREIGN,  "http.redirect_foreign",   DOWN,     "a redirect leads to a host that it must not lead to",    "許可されていないホストへリダイレクトされました") \
	X(HTTP_HEADER,            "http.header",             DOWN,     "a header of the answer is not the expected one",         "応答ヘッダーが期待と異なります") \
	X(HTTP_VERSION,           "http.version",            DOWN,     "the server speaks another version of HTTP than expected", "HTTPのバージョンが期待と異なります") \
	X(HTTP_PROXY,             "http.proxy",              DOWN,     "the proxy could not reach the target",                   "プロキシが対象に到達できませんでした") \
	X(CONTENT_MISSING,        "content.missing",         DOWN,     "the body lacks the expected text",                       "本文に期待する文字列がありません") \
	X(CONTENT_TIMEOUT,        "content.timeout",        DOWN,     "the expected text did not come in time",                   "期待する文字列が時間内に届きません") \
	X(CONTENT_UNWANTED,       "content.unwanted",        DOWN,     "the body has a text that it must not have",              "本文に含まれてはならない文字列があります") \
	X(CONTENT_PATTERN,        "content.pattern",         DOWN,     "the answer could not be matched within the bounds",      "応答の照合が上限内に終わりませんでした") \
	X(CONTENT_NOT_JSON,       "content.not_json",        DOWN,     "the body is not valid JSON",                             "本文が正しいJSONではありません") \
	X(CONTENT_JSON,           "content.json",            DOWN,     "a value in the JSON body is not the expected one",       "本文のJSONの値が期待と異なります") \
	X(CONTENT_NO_VALUE,       "content.no_value",        DOWN,     "the watched number is not in the body",                  "監視する数値が本文にありません") \
	X(CONTENT_VALUE,          "content.value",           WARNING,  "a number in the body crossed its threshold",             "本文の数値がしきい値を超えました") \
	X(SLOW_RESPONSE,          "slow.response",           WARNING,  "the response took longer than the threshold",            "応答時間がしきい値を超えました") \
	X(SLOW_CONNECT,           "slow.connect",           WARNING,  "the connection took longer than the threshold",            "接続時間がしきい値を超えました") \
	X(SLOW_RTT,               "slow.rtt",                WARNING,  "the round trip took longer than the threshold",          "往復時間がしきい値を超えました") \
	X(SLOW_JITTER,            "slow.jitter",             WARNING,  "the round trips differ by more than the threshold",      "往復時間のゆらぎがしきい値を超えました") \
	X(INTERNAL_RESOURCES,     "internal.resources",      INTERNAL, "the probe ran out of resources",                         "プローブのリソースが不足しています") \
	X(INTERNAL_PERMISSION,    "internal.permission",     INTERNAL, "the probe lacks a permission for this check",            "プローブに必要な権限がありません") \
	X(INTERNAL_POLICY,        "internal.policy",         INTERNAL, "the probe's local policy refuses this check",            "プローブのローカルポリシーがこのチェックを拒否しました") \
	X(INTERNAL_SOURCE,        "internal.source",         INTERNAL, "the probe does not have the source address that is asked for", "指定された送信元アドレスがプローブにありません") \
	X(INTERNAL_UNSUPPORTED,   "internal.unsupported",    INTERNAL, "the probe does not know this kind of check, or an option of it", "プローブが対応していない種類またはオプションのチェックです") \
	X(INTERNAL_OVERLOAD,      "internal.overload",       INTERNAL, "the probe could not keep its schedule",                  "プローブがスケジュールを守れませんでした") \
	X(INTERNAL_CLOCK,         "internal.clock",          INTERNAL, "the probe's clock is off or has jumped",                 "プローブの時計がずれています") \
	X(INTERNAL_SELF_TEST,     "internal.self_test",      INTERNAL, "the probe's own network failed its self-test",           "プローブ自身のネットワークが自己診断に失敗しました") \
	X(INTERNAL_NETWORK,       "internal.network",        INTERNAL, "the probe itself has no network",                        "プローブ自身がネットワークに接続できません") \
	X(INTERNAL_PROXY,         "internal.proxy",          INTERNAL, "the proxy between the probe and the target does not work", "プローブと対象の間のプロキシが機能していません") \
	X(INTERNAL_ERROR,         "internal.error",          INTERNAL, "the probe met an error of its own",                      "プローブ内部でエラーが発生しました")
// clang-format on

enum reason {
#define REASON_ENUM(e, code, class, en, ja) REASON_##e,
	REASON_TABLE(REASON_ENUM)
#undef REASON_ENUM
		REASON_COUNT
};

extern const char *const reason_class_names[]; /* ok down warning internal */

/* All of these abort on a value outside of the table: that is a programming error. */
const char *reason_code(enum reason reason);
enum reason_class reason_class(enum reason reason);
const char *reason_text_en(enum reason reason);
const char *reason_text_ja(enum reason reason);
/* Returns REASON_COUNT when CODE is not in the table (a newer peer may know more than we do). */
enum reason reason_find(const char *code);

#endif
