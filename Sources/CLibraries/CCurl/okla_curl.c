#include "okla_curl.h"

CURLcode okla_curl_set_number(CURL *transfer, CURLoption option, long number) { return curl_easy_setopt(transfer, option, number); }

CURLcode okla_curl_set_text(CURL *transfer, CURLoption option, const char *text) { return curl_easy_setopt(transfer, option, text); }

CURLcode okla_curl_set_headers(CURL *transfer, struct curl_slist *headers) { return curl_easy_setopt(transfer, CURLOPT_HTTPHEADER, headers); }

CURLcode okla_curl_set_body(CURL *transfer, const void *bytes, long count) {
    CURLcode result = curl_easy_setopt(transfer, CURLOPT_POSTFIELDSIZE, count);
    return result ? result : curl_easy_setopt(transfer, CURLOPT_POSTFIELDS, bytes);
}

CURLcode okla_curl_set_owner(CURL *transfer, void *owner, char *error, size_t (*write)(char *, size_t, size_t, void *)) {
    CURLcode result = curl_easy_setopt(transfer, CURLOPT_PRIVATE, owner);
    if (!result) result = curl_easy_setopt(transfer, CURLOPT_ERRORBUFFER, error);
    if (!result) result = curl_easy_setopt(transfer, CURLOPT_WRITEFUNCTION, write);
    return result ? result : curl_easy_setopt(transfer, CURLOPT_WRITEDATA, owner);
}

CURLMcode okla_curl_multi_set_number(CURLM *transfers, CURLMoption option, long number) {
    return curl_multi_setopt(transfers, option, number);
}

long okla_curl_status(CURL *transfer) {
    long status = 0;
    curl_easy_getinfo(transfer, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

curl_off_t okla_curl_retry_after(CURL *transfer) {
    curl_off_t seconds = 0;
    curl_easy_getinfo(transfer, CURLINFO_RETRY_AFTER, &seconds);
    return seconds;
}

void *okla_curl_next_done(CURLM *transfers, CURLcode *result) {
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(transfers, &left));) {
        if (message->msg != CURLMSG_DONE) continue;
        void *owner = NULL;
        *result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
        return owner;
    }
    return NULL;
}
