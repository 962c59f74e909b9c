#pragma once
// libcurl as Swift can call it: what has a variable number of arguments there has a function for each type here.
#include <curl/curl.h>

CURLcode okla_curl_set_number(CURL *transfer, CURLoption option, long number);
CURLcode okla_curl_set_text(CURL *transfer, CURLoption option, const char *text);
CURLcode okla_curl_set_headers(CURL *transfer, struct curl_slist *headers);
CURLcode okla_curl_set_body(CURL *transfer, const void *bytes, long count);
// `error` gets CURL_ERROR_SIZE characters; `owner` is what `write` is told, and what `okla_curl_next_done` returns.
CURLcode okla_curl_set_owner(CURL *transfer, void *owner, char *error, size_t (*write)(char *, size_t, size_t, void *));
// The option is one of numbers.
CURLMcode okla_curl_multi_set_number(CURLM *transfers, CURLMoption option, long number);

// Of the answer: its status, and the seconds of its Retry-After, 0 where it has none.
long okla_curl_status(CURL *transfer);
curl_off_t okla_curl_retry_after(CURL *transfer);

// The owner of one that has ended, with how it ended; NULL: no more have.
void *okla_curl_next_done(CURLM *transfers, CURLcode *result);
