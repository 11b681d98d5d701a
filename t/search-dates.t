#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The truth table of date searches: how each kind and precision of a stored value lies to each precision of
# a search value, and what each prefix makes of that. Every cell is asked for.
# Source: http://hl7.org/fhir/R4/search.html#prefix, http://hl7.org/fhir/R4/search.html#date
use strict;
use warnings;
use FHIR::Test;
use Test::More;

# The practice is in New York: UTC-5, in summer UTC-4. Zone-less values are of its clock.
my $ZONE = 'America/New_York';
my $t = FHIR::Test->new(endpoints => <<"CONF");
<Location "/ny/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions all
    FHIRTimeZone $ZONE
    FHIRRequireIfMatch Off
    FHIRUpdateCreate On
    FHIRReferencesCheck Off
    FHIRValidate structure
    Require local
</Location>
<Location "/utc/r4">
    FHIREndpoint R4 open
    FHIRTenant main
    FHIRInteractions search
    Require local
</Location>
CONF

# ---- how a stored range lies to the range searched for, and what a prefix finds ----

#   b before it          +---+  |......|
#   l reaches in         +------|==+   |
#   i within, or equal          |=====+|
#   c covers it on both sides --|======|--+
#   r reaches out               |   +==|---+
#   a after it                  |......|  +---+
#   - there is no value
# Ranges include their start and not their end; touching is not overlapping.
my %FINDS = (
    # eq ne gt lt ge le sa eb
    b => '.  +  .  +  .  +  .  +',
    l => '.  +  .  +  .  +  .  .',
    i => '+  .  .  .  +  +  .  .',
    c => '.  +  +  +  +  +  .  .',
    r => '.  +  +  .  +  .  .  .',
    a => '.  +  +  .  +  .  +  .',
    '-' => '.  .  .  .  .  .  .  .',
);
my @PREFIXES = qw(eq ne gt lt ge le sa eb);

# ---- what is stored ----

my @stored = (
    # name, member => value                                                   in UTC
    [ 'year before', effectiveDateTime => '2014' ],
    [ 'year',        effectiveDateTime => '2015' ],                         # 2015-01-01T05:00 to 2016-01-01T05:00
    [ 'month',       effectiveDateTime => '2015-06' ],                      # 2015-06-01T04:00 to 2015-07-01T04:00
    [ 'day',         effectiveDateTime => '2015-06-15' ],                   # 2015-06-15T04:00 to 2015-06-16T04:00
    [ 'second',      effectiveDateTime => '2015-06-15T10:20:30-04:00' ],    # 14:20:30 to 14:20:31
    [ 'fraction',    effectiveDateTime => '2015-06-15T14:20:30.250Z' ],     # 14:20:30.250 to 14:20:30.251
    [ 'instant',     effectiveInstant  => '2015-06-15T16:20:30.250+02:00' ],
    [ 'late',        effectiveDateTime => '2015-06-15T23:30:00-04:00' ],    # 2015-06-16T03:30:00
    [ 'period',      effectivePeriod => { start => '2015-06-10', end => '2015-06-20' } ],
    [ 'short',       effectivePeriod => { start => '2015-06-15T10:20:30-04:00', end => '2015-06-15T10:20:30-04:00' } ],
    [ 'until',       effectivePeriod => { end => '2015-06-15' } ],
    [ 'since',       effectivePeriod => { start => '2015-06-15' } ],
    [ 'mixed',       effectivePeriod => { start => '2015-06', end => '2015' } ],
    [ 'empty',       effectivePeriod => { extension => [ { url => 'urn:x', valueString => 'y' } ] } ],
    [ 'events',      effectiveTiming => { event => [ '2015-06-16T12:00:00Z', '2015-06-14T12:00:00Z' ] } ],
    [ 'bounds',      effectiveTiming => { repeat => { boundsPeriod => { start => '2015-06-01', end => '2015-06-30' },
        frequency => 1 } } ],
    [ 'unbound',     effectiveTiming => { repeat => { frequency => 1, period => 1, periodUnit => 'd' } } ],
    [ 'none' ],
);

# ---- what is searched for, and how what is stored lies to it ----

my @SEARCHED = (
    '2014',                         #  1
    '2015',                         #  2
    '2015-06',                      #  3
    '2015-06-15',                   #  4
    '2015-06-16',                   #  5
    '2015-06-15T10:20',             #  6 zone-less minute
    '2015-06-15T14:20Z',            #  7 minute
    '2015-06-15T10:20:30',          #  8 zone-less second
    '2015-06-15T10:20:30-04:00',    #  9 second
    '2015-06-15T14:20:30.25Z',      # 10 hundredth
    '2015-06-15T10:20:30.250',      # 11 zone-less thousandth
    '2015-06-16T03:30:00Z',         # 12 second on another day than the practice's
    '2015-06-15T20:20:30.2+06:00',  # 13 tenth
);
my %LIES = (
    #                1 2 3 4 5 6 7 8 9 10 11 12 13
    'year before' => 'i b b b b b b b b b b b b',
    'year'        => 'a i c c c c c c c c c c c',
    'month'       => 'a i i c c c c c c c c c c',
    'day'         => 'a i i i b c c c c c c c c',
    'second'      => 'a i i i b i i i i c c b c',
    'fraction'    => 'a i i i b i i i i i i b i',
    'instant'     => 'a i i i b i i i i i i b i',
    'late'        => 'a i i i b a a a a a a i a',
    'period'      => 'a i i c c c c c c c c c c',
    'short'       => 'a i i i b i i i i c c b c',
    'until'       => 'c l l l b c c c c c c c c',
    'since'       => 'a r r r c c c c c c c c c',
    'mixed'       => 'a i r c c c c c c c c c c',
    'empty'       => '- - - - - - - - - - - - -',
    'events'      => 'a i i c l c c c c c c c c',
    'bounds'      => 'a i i c c c c c c c c c c',
    'unbound'     => '- - - - - - - - - - - - -',
    'none'        => '- - - - - - - - - - - - -',
);

my $number = 0;
my %name_of;
for (@stored) {
    my ($name, @value) = @$_;
    my $id = 'o' . ++$number;
    $name_of{$id} = $name;
    my $response = $t->put("/ny/r4/Observation/$id", { resourceType => 'Observation', id => $id, status => 'final',
            code => { text => 'x' }, @value });
    is($response->status, 201, "stored: $name") or diag($response->body);
}

sub names {
    my ($path) = @_;
    my $response = $t->get($path);
    return $response->status . ' ' . $response->body if $response->status != 200;
    return join ', ', sort map { $name_of{$_} // $_ } $response->body =~ m{"fullUrl":"[^"]*/([^"/]+)"}g;
}
sub escaped { return $_[0] =~ s/\+/%2B/gr }

my $cells = 0;
for my $column (0 .. $#SEARCHED) {
    for my $p (0 .. $#PREFIXES) {
        my @expected = grep {
            my $lies = (split ' ', $LIES{$_})[$column];
            $cells++;
            (split ' ', $FINDS{$lies})[$p] eq '+'
        } map { $_->[0] } @stored;
        my $search = ($PREFIXES[$p] eq 'eq' && $column % 2 ? '' : $PREFIXES[$p]) . $SEARCHED[$column];
        is(names('/ny/r4/Observation?_count=100&date=' . escaped($search)), join(', ', sort @expected), "date=$search");
    }
}
is($cells, @stored * @SEARCHED * @PREFIXES, 'every cell');

# ---- lists, and several at once ----

for (
    [ 'date=lt2015-06-15,gt2015-12-31' => qw(bounds events), 'mixed', 'month', 'period', 'since', 'until', 'year',
        'year before' ],
    [ 'date=sa2015-06-15,eb2015-01-01' => 'year before' ],
    [ 'date=ge2015-06-15&date=lt2015-06-16' => qw(bounds day events fraction instant late mixed month period second
        short since year) ],
    [ 'date=2015-06-15,2014' => qw(day fraction instant late second short), 'year before' ],
    [ 'date:missing=true' => qw(empty none unbound) ],
    )
{
    my ($query, @expected) = @$_;
    is(names("/ny/r4/Observation?$query"), join(', ', sort @expected), $query);
}

# ---- the same day in another zone: the search value's, not the stored one's ----

for (
    [ ny => '2015-06-15', qw(day fraction instant late second short) ],
    [ utc => '2015-06-15', qw(fraction instant second short) ],
    [ utc => '2015-06-16', 'late' ],
    [ utc => '2015-06-15T14:20:30', qw(fraction instant second short) ],
    [ ny => '2015-06-15T14:20:30', () ],
    [ utc => '2015-06-15T10:20:30-04:00', qw(fraction instant second short) ],
    )
{
    my ($where, $date, @expected) = @$_;
    is(names("/$where/r4/Observation?date=$date"), join(', ', @expected), "$where: date=$date");
}

# ---- type date, and days of 23 and 25 hours ----

for my $born ('1970', '1970-03', '1970-03-15') {
    is($t->put("/ny/r4/Patient/p$born", { resourceType => 'Patient', id => "p$born", birthDate => $born })->status, 201,
        "born $born");
}
for (
    # the stored year lies c, i, i, …: the columns are 1970, 1970-03, 1970-03-15, 1970-03-16, 1971
    [ '1970',       'i c c c b' ],
    [ '1970-03',    'i i c c b' ],
    [ '1970-03-15', 'i i i b b' ],
    )
{
    my ($born, $lies) = @$_;
    my @lies = split ' ', $lies;
    for my $value ('1970', '1970-03', '1970-03-15', '1970-03-16', '1971') {
        my $row = $FINDS{ shift @lies };
        for my $prefix (@PREFIXES) {
            my ($cell, $rest) = $row =~ /^(\S)\s*(.*)$/;
            $row = $rest;
            is(names("/ny/r4/Patient?_id=p$born&birthdate=$prefix$value"), $cell eq '+' ? "p$born" : '',
                "born $born: $prefix$value");
        }
    }
}
for (
    [ dst1 => '2015-03-08T23:30:00-04:00', '2015-03-08' ], [ dst2 => '2015-03-09T00:00:00-04:00', '2015-03-09' ],
    [ dst3 => '2015-11-01T23:30:00-05:00', '2015-11-01' ], [ dst4 => '2015-11-02T00:00:00-05:00', '2015-11-02' ],
    [ dst5 => '2015-11-01T00:30:00-04:00', '2015-11-01' ],
    )
{
    my ($id, $time, $day) = @$_;
    $t->put("/ny/r4/Observation/$id", { resourceType => 'Observation', id => $id, status => 'final',
            code => { text => 'x' }, effectiveDateTime => $time });
    is(names("/ny/r4/Observation?_id=$id&date=$_"), $_ eq $day ? $id : '', "$time on $_")
        for qw(2015-03-08 2015-03-09 2015-11-01 2015-11-02);
}

# ---- ap: a tenth of the distance from now, on both sides; these hold for decades ----

my %approximate = (ap1 => '2001-01-01', ap2 => '2009-06-01', ap3 => '2010-06-15', ap4 => '2011-06-01',
    ap5 => '2019-06-01');
for my $id (sort keys %approximate) {
    $t->put("/ny/r4/Observation/$id", { resourceType => 'Observation', id => $id, status => 'final',
            code => { text => 'x' }, effectiveDateTime => $approximate{$id} });
}
my @ids = join ',', sort keys %approximate;
for (
    [ 'ap2010-06-15', qw(ap2 ap3 ap4) ], [ 'ap2010', qw(ap2 ap3 ap4) ], [ 'ap2010-06', qw(ap2 ap3 ap4) ],
    [ 'ap2010-06-15T12:00:00Z', qw(ap2 ap3 ap4) ],
    [ 'ap2001', 'ap1' ],
    )
{
    my ($search, @expected) = @$_;
    is(names("/ny/r4/Observation?_id=@ids&date=$search"), join(', ', @expected), "date=$search");
}
my $now = do { my @now = gmtime; sprintf '%04d-%02d-%02d', $now[5] + 1900, $now[4] + 1, $now[3] };
is(names("/ny/r4/Observation?_id=@ids&date=ap$now"), '', "date=ap$now is narrow");

# ---- _lastUpdated: an instant ----

my $updated = $t->get('/ny/r4/Patient/p1970')->json->{meta}{lastUpdated};
my ($second, $tail) = $updated =~ /^(.*:\d\d)\.\d+(.*)$/;
for (
    # the stored thousandth lies i to itself, to its second and to its day, a to what is before, b to what is behind
    [ $updated, 'i' ], [ "$second$tail", 'i' ], [ substr($updated, 0, 4), 'i' ], [ '2001-01-01', 'a' ], [ '2999', 'b' ],
    [ '2999-12-31T23:59:59.9Z', 'b' ],
    )
{
    my ($value, $lies) = @$_;
    my @row = split ' ', $FINDS{$lies};
    is(names("/utc/r4/Patient?_id=p1970&_lastUpdated=$PREFIXES[$_]" . escaped($value)), $row[$_] eq '+' ? 'p1970' : '',
        "_lastUpdated=$PREFIXES[$_]… ($lies)")
        for 0 .. $#PREFIXES;
}

$t->done;
