package calendar

import "strings"

// saysCancelled reports whether a subject begins with the prefix that Outlook
// and others put before the subject of a cancelled meeting, in the organizer's
// language. Exchange leaves such events in a room's calendar unless
// RemoveCanceledMeetings is on.
func saysCancelled(subject string) bool {
	word, _, ok := strings.Cut(strings.Replace(subject, "：", ":", 1), ":")
	if !ok || len(word) > 40 {
		return false
	}
	switch bare(word) {
	case "canceled", "cancelled", "canceled event", "cancelled event",
		"abgesagt", "abgesagter termin", "annulé", "cancelado", "cancelada", "annullato", "annullata", "geannuleerd",
		"inställt", "inställd", "avbruten", "aflyst", "avlyst", "peruutettu", "peruttu", "tühistatud",
		"odwołane", "odwołano", "zrušeno", "zrušené", "törölve", "anulat", "отменено", "скасовано",
		"キャンセル済み", "キャンセル", "已取消", "취소됨":
		return true
	}
	return false
}
