package wire

// Dates are seconds since 1970-01-01T00:00:00Z. They are computed with the
// proleptic Gregorian calendar, whose years are counted from March here, so
// that the day that leap years add is the last of its year.

const (
	secondsPerDay = 24 * 60 * 60
	daysPerEra    = 146097 // 400 years, after which the calendar repeats
	epochOffset   = 719468 // days from 0000-03-01 to 1970-01-01
)

const (
	dayNames   = "SunMonTueWedThuFriSat"
	monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// dateLen is the length of what AppendDate appends.
const dateLen = len("Sun, 06 Nov 1994 08:49:37 GMT")

// AppendDate appends an IMF-fixdate (RFC 9110 section 5.6.7), such as "Sun, 06
// Nov 1994 08:49:37 GMT". The year must have four digits.
func AppendDate(b []byte, unixSeconds int64) []byte {
	days, second := floorDiv(unixSeconds, secondsPerDay)
	year, month, day := civil(days)
	_, weekday := floorDiv(days+4, 7) // the epoch was a Thursday
	b = append(b, dayNames[weekday*3:][:3]...)
	b = append(b, ", "...)
	b = appendTwo(b, day)
	b = append(b, ' ')
	b = append(b, monthNames[(month-1)*3:][:3]...)
	b = append(b, ' ')
	b = appendTwo(b, year/100)
	b = appendTwo(b, year%100)
	b = append(b, ' ')
	b = appendTwo(b, second/3600)
	b = append(b, ':')
	b = appendTwo(b, second/60%60)
	b = append(b, ':')
	b = appendTwo(b, second%60)
	return append(b, " GMT"...)
}

func appendTwo(b []byte, n int64) []byte {
	return append(b, byte('0'+n/10%10), byte('0'+n%10))
}

// floorDiv divides rounding down, so that the remainder is not negative.
func floorDiv(n, d int64) (quotient, remainder int64) {
	quotient, remainder = n/d, n%d
	if remainder < 0 {
		quotient, remainder = quotient-1, remainder+d
	}
	return quotient, remainder
}

// civil returns the date of a day counted from the epoch; months and days count
// from 1.
func civil(days int64) (year, month, day int64) {
	era, dayOfEra := floorDiv(days+epochOffset, daysPerEra)
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	fromMarch := (5*dayOfYear + 2) / 153
	day = dayOfYear - (153*fromMarch+2)/5 + 1
	year, month = era*400+yearOfEra, fromMarch+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

// daysFrom is the inverse of civil.
func daysFrom(year, month, day int64) int64 {
	if month <= 2 {
		year, month = year-1, month+12
	}
	era, yearOfEra := floorDiv(year, 400)
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return era*daysPerEra + dayOfEra - epochOffset
}

// ParseDate parses an HTTP-date in any of its three forms (RFC 9110 section
// 5.6.7):
//
//	Sun, 06 Nov 1994 08:49:37 GMT    IMF-fixdate
//	Sunday, 06-Nov-94 08:49:37 GMT   RFC 850, obsolete
//	Sun Nov  6 08:49:37 1994         asctime, obsolete
//
// A year of two digits is taken for one from 1970 to 2069. The day of the week
// must be one, but is not compared with the date.
func ParseDate(b []byte) (unixSeconds int64, ok bool) {
	var d dateParser
	switch {
	case len(b) == dateLen && b[3] == ',':
		d.rest = b
		d.weekday()
		d.literal(", ")
		d.day = d.number(2)
		d.literal(" ")
		d.monthName()
		d.literal(" ")
		d.year = d.number(4)
		d.literal(" ")
		d.time()
		d.literal(" GMT")
	case len(b) == len("Sun Nov  6 08:49:37 1994") && b[3] == ' ':
		d.rest = b
		d.weekday()
		d.literal(" ")
		d.monthName()
		d.literal(" ")
		d.paddedDay()
		d.literal(" ")
		d.time()
		d.literal(" ")
		d.year = d.number(4)
	default:
		d.rest = b
		d.longWeekday()
		d.literal(", ")
		d.day = d.number(2)
		d.literal("-")
		d.monthName()
		d.literal("-")
		d.shortYear()
		d.literal(" ")
		d.time()
		d.literal(" GMT")
	}
	return d.end()
}

// A dateParser takes an HTTP-date apart from left to right. The first part that
// is not there makes it fail.
type dateParser struct {
	rest             []byte
	failed           bool
	year, month, day int64
	second           int64 // of the day
}

// take removes the next n octets.
func (d *dateParser) take(n int) []byte {
	if len(d.rest) < n {
		d.failed, d.rest = true, nil
		return nil
	}
	part := d.rest[:n]
	d.rest = d.rest[n:]
	return part
}

func (d *dateParser) literal(s string) {
	if string(d.take(len(s))) != s {
		d.failed = true
	}
}

func (d *dateParser) number(digits int) int64 {
	n, ok := parseLength(d.take(digits))
	d.failed = d.failed || !ok
	return n
}

// name returns which of the names of three letters comes next.
func (d *dateParser) name(names string) int64 {
	part := d.take(3)
	for i := 0; i < len(names); i += 3 {
		if string(part) == names[i:i+3] {
			return int64(i / 3)
		}
	}
	d.failed = true
	return 0
}

func (d *dateParser) weekday()   { d.name(dayNames) }
func (d *dateParser) monthName() { d.month = d.name(monthNames) + 1 }

func (d *dateParser) longWeekday() {
	rest := [...]string{"day", "day", "sday", "nesday", "rsday", "day", "urday"}
	d.literal(rest[d.name(dayNames)])
}

func (d *dateParser) shortYear() {
	d.year = 1900 + d.number(2)
	if d.year < 1970 {
		d.year += 100
	}
}

// paddedDay takes a day of the month that has a space for its first digit if it
// is a single one.
func (d *dateParser) paddedDay() {
	if len(d.rest) > 0 && d.rest[0] == ' ' {
		d.take(1)
		d.day = d.number(1)
		return
	}
	d.day = d.number(2)
}

// time takes hour ":" minute ":" second, where the second may be a leap second.
func (d *dateParser) time() {
	hour := d.number(2)
	d.literal(":")
	minute := d.number(2)
	d.literal(":")
	second := d.number(2)
	d.second = hour*3600 + minute*60 + second
	d.failed = d.failed || hour > 23 || minute > 59 || second > 60
}

func (d *dateParser) end() (unixSeconds int64, ok bool) {
	if d.failed || len(d.rest) > 0 || d.day < 1 {
		return 0, false
	}
	days := daysFrom(d.year, d.month, d.day)
	if _, month, _ := civil(days); month != d.month {
		return 0, false // there is no such day in this month
	}
	return days*secondsPerDay + d.second, true
}
