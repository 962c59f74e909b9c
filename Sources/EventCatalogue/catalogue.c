#include "okla_catalogue.h"

#include <string.h>

struct file {
    const char *name;
    const unsigned char *bytes;
};

// A zero byte ends each file, for JSON text holds none; so its length need not be told.
#define FILE_BEGIN(name) {name, (const unsigned char[]){
#define FILE_END , 0}},

// Each file's lines are the same three: #embed is a directive, which a macro cannot make. A test compares them with the folder.
static const struct file files[] = {
    FILE_BEGIN("alias.json")
#embed "schemas/alias.json"
    FILE_END
    FILE_BEGIN("analytics_view.json")
#embed "schemas/analytics_view.json"
    FILE_END
    FILE_BEGIN("app_background.json")
#embed "schemas/app_background.json"
    FILE_END
    FILE_BEGIN("app_open.json")
#embed "schemas/app_open.json"
    FILE_END
    FILE_BEGIN("chat_message.json")
#embed "schemas/chat_message.json"
    FILE_END
    FILE_BEGIN("chat_start.json")
#embed "schemas/chat_start.json"
    FILE_END
    FILE_BEGIN("click.json")
#embed "schemas/click.json"
    FILE_END
    FILE_BEGIN("email_click.json")
#embed "schemas/email_click.json"
    FILE_END
    FILE_BEGIN("error.json")
#embed "schemas/error.json"
    FILE_END
    FILE_BEGIN("form_submit.json")
#embed "schemas/form_submit.json"
    FILE_END
    FILE_BEGIN("group.json")
#embed "schemas/group.json"
    FILE_END
    FILE_BEGIN("identify.json")
#embed "schemas/identify.json"
    FILE_END
    FILE_BEGIN("lead_form_abandon.json")
#embed "schemas/lead_form_abandon.json"
    FILE_END
    FILE_BEGIN("lead_form_field.json")
#embed "schemas/lead_form_field.json"
    FILE_END
    FILE_BEGIN("lead_form_start.json")
#embed "schemas/lead_form_start.json"
    FILE_END
    FILE_BEGIN("lead_form_submit.json")
#embed "schemas/lead_form_submit.json"
    FILE_END
    FILE_BEGIN("lead_form_view.json")
#embed "schemas/lead_form_view.json"
    FILE_END
    FILE_BEGIN("lead_respond.json")
#embed "schemas/lead_respond.json"
    FILE_END
    FILE_BEGIN("lead_view.json")
#embed "schemas/lead_view.json"
    FILE_END
    FILE_BEGIN("login.json")
#embed "schemas/login.json"
    FILE_END
    FILE_BEGIN("logout.json")
#embed "schemas/logout.json"
    FILE_END
    FILE_BEGIN("okla_client_discarded.json")
#embed "schemas/okla_client_discarded.json"
    FILE_END
    FILE_BEGIN("page_leave.json")
#embed "schemas/page_leave.json"
    FILE_END
    FILE_BEGIN("page_view.json")
#embed "schemas/page_view.json"
    FILE_END
    FILE_BEGIN("password_reset.json")
#embed "schemas/password_reset.json"
    FILE_END
    FILE_BEGIN("phone_click.json")
#embed "schemas/phone_click.json"
    FILE_END
    FILE_BEGIN("profile_update.json")
#embed "schemas/profile_update.json"
    FILE_END
    FILE_BEGIN("screen_view.json")
#embed "schemas/screen_view.json"
    FILE_END
    FILE_BEGIN("scroll.json")
#embed "schemas/scroll.json"
    FILE_END
    FILE_BEGIN("search.json")
#embed "schemas/search.json"
    FILE_END
    FILE_BEGIN("search_filter_apply.json")
#embed "schemas/search_filter_apply.json"
    FILE_END
    FILE_BEGIN("search_filter_clear.json")
#embed "schemas/search_filter_clear.json"
    FILE_END
    FILE_BEGIN("search_no_results.json")
#embed "schemas/search_no_results.json"
    FILE_END
    FILE_BEGIN("search_pagination.json")
#embed "schemas/search_pagination.json"
    FILE_END
    FILE_BEGIN("search_save.json")
#embed "schemas/search_save.json"
    FILE_END
    FILE_BEGIN("search_sort.json")
#embed "schemas/search_sort.json"
    FILE_END
    FILE_BEGIN("shared/event.json")
#embed "schemas/shared/event.json"
    FILE_END
    FILE_BEGIN("shared/traits.json")
#embed "schemas/shared/traits.json"
    FILE_END
    FILE_BEGIN("signup_complete.json")
#embed "schemas/signup_complete.json"
    FILE_END
    FILE_BEGIN("signup_start.json")
#embed "schemas/signup_start.json"
    FILE_END
    FILE_BEGIN("subscription_cancel.json")
#embed "schemas/subscription_cancel.json"
    FILE_END
    FILE_BEGIN("subscription_start.json")
#embed "schemas/subscription_start.json"
    FILE_END
    FILE_BEGIN("subscription_view.json")
#embed "schemas/subscription_view.json"
    FILE_END
    FILE_BEGIN("tab_change.json")
#embed "schemas/tab_change.json"
    FILE_END
    FILE_BEGIN("vehicle_360_view.json")
#embed "schemas/vehicle_360_view.json"
    FILE_END
    FILE_BEGIN("vehicle_click.json")
#embed "schemas/vehicle_click.json"
    FILE_END
    FILE_BEGIN("vehicle_compare_add.json")
#embed "schemas/vehicle_compare_add.json"
    FILE_END
    FILE_BEGIN("vehicle_compare_remove.json")
#embed "schemas/vehicle_compare_remove.json"
    FILE_END
    FILE_BEGIN("vehicle_create.json")
#embed "schemas/vehicle_create.json"
    FILE_END
    FILE_BEGIN("vehicle_delete.json")
#embed "schemas/vehicle_delete.json"
    FILE_END
    FILE_BEGIN("vehicle_edit.json")
#embed "schemas/vehicle_edit.json"
    FILE_END
    FILE_BEGIN("vehicle_favorite.json")
#embed "schemas/vehicle_favorite.json"
    FILE_END
    FILE_BEGIN("vehicle_gallery_view.json")
#embed "schemas/vehicle_gallery_view.json"
    FILE_END
    FILE_BEGIN("vehicle_impression.json")
#embed "schemas/vehicle_impression.json"
    FILE_END
    FILE_BEGIN("vehicle_pause.json")
#embed "schemas/vehicle_pause.json"
    FILE_END
    FILE_BEGIN("vehicle_publish.json")
#embed "schemas/vehicle_publish.json"
    FILE_END
    FILE_BEGIN("vehicle_share.json")
#embed "schemas/vehicle_share.json"
    FILE_END
    FILE_BEGIN("vehicle_unfavorite.json")
#embed "schemas/vehicle_unfavorite.json"
    FILE_END
    FILE_BEGIN("vehicle_video_play.json")
#embed "schemas/vehicle_video_play.json"
    FILE_END
    FILE_BEGIN("vehicle_view.json")
#embed "schemas/vehicle_view.json"
    FILE_END
    FILE_BEGIN("visibility.json")
#embed "schemas/visibility.json"
    FILE_END
    FILE_BEGIN("whatsapp_click.json")
#embed "schemas/whatsapp_click.json"
    FILE_END
};

enum { FILES = sizeof files / sizeof files[0] };

size_t okla_catalogue_count(void) { return FILES; }

const char *okla_catalogue_name(size_t index) { return index < FILES ? files[index].name : NULL; }

const unsigned char *okla_catalogue_bytes(size_t index) { return index < FILES ? files[index].bytes : NULL; }

size_t okla_catalogue_length(size_t index) { return index < FILES ? strlen((const char *)files[index].bytes) : 0; }
