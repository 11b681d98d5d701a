#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Searches in DSTU2's words against an evaluator that knows nothing of R4: it reads all resources as DSTU2, in memory,
# and says by DSTU2's rules which of them a query finds. FHIR_TEST_DSTU2_QUERIES=5000 for a long run, FHIR_TEST_SEED.
use strict;
use utf8;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(work_dir write_file);
use JSON::PP    ();
use Test::More;
use Time::Local qw(timegm);
use Unicode::Normalize qw(NFD);

my $t = FHIR::Test->new(endpoints => <<'CONF');
<Location "/dev/dstu2">
    FHIREndpoint DSTU2 open
    FHIRTenant main
    Require local
</Location>
CONF
# What the samples have not: dates in every place, or in none, from which DSTU2 shows others; names with punctuation.
my ($n, @WHEN) = (0, '2019', '2019-02', '2019-02-03', '2019-02-03T04:05:06Z', '2019-02-02T23:05:06.5-02:00',
    '2019-03-31T23:59:59.123456Z', '2018-12-31T23:00:00+01:00');
sub some { return $n++ % 3 ? () : @_ }
sub when { return $WHEN[ $n++ % @WHEN ] }
my $created = 'http://hl7.org/fhir/1.0/StructureDefinition/extension-DocumentReference.created';
my %of = (subject => { reference => 'Patient/dates' });
my @rows = ({ resourceType => 'Patient', id => 'dates',
        name => [ { family => '(née) O’Hara', given => ['Zoë-Ann'] } ] },
    map {
        my @time = grep { /T/ } @WHEN;
        ({ resourceType => 'DiagnosticReport', id => "r$_", status => 'final', %of, code => { text => 'r' },
            some(issued => $time[ $_ % @time ]), $_ % 4 ? some(effectiveDateTime => when())
                : some(effectivePeriod => { start => '2019-02-03T04:00:00Z', some(end => '2019-02-04') }) },
        { resourceType => 'DocumentReference', id => "d$_", status => 'current', %of, type => { text => 't' },
            some(date => $time[ $_ % @time ]), some(extension => [ { url => $created, valueDateTime => when() } ]),
            content => [ map { { attachment => { contentType => 'text/plain', url => 'Binary/x', %$_ } } }
                $_ % 2 ? { creation => when() } : { title => 't' }, { creation => '2000-01-01' } ] },
        { resourceType => 'Goal', id => "g$_", lifecycleStatus => 'active', %of, description => { text => 'g' },
            some(startDate => substr when(), 0, 10), some(statusDate => substr when(), 0, 10),
            some(target => [ { dueDate => substr when(), 0, 10 } ]) },
        { resourceType => 'Device', id => "v$_", patient => $of{subject}, udiCarrier => [ {
                    carrierHRF => pick('(01)0084', '+H1 (x)', '???', '01/7')} ] })
    } 1 .. 30);

my $sample = $t->fhirctl('sample', '--patients', $ENV{FHIR_TEST_DSTU2_QUERIES} ? 4 : 1, '--as-of', '2026-11-20');
$t->load(write_file(work_dir() . '/sample.ndjson', $sample->{out}), @rows);
my $queries = $ENV{FHIR_TEST_DSTU2_QUERIES} // 150;
my $seed = $ENV{FHIR_TEST_SEED} // 17;
srand $seed;

# Parameters: kind, and the elements that they look at.
my %PARAMS = (
    Patient => { family => 'string name.family', given => 'string name.given', gender => 'token gender',
        birthdate => 'date birthDate', identifier => 'token identifier', telecom => 'token telecom',
        'address-city' => 'string address.city', name => 'string name.family name.given name.text' },
    Observation => { code => 'token code component.code', category => 'token category', status => 'token status',
        date => 'date effectiveDateTime effectivePeriod', patient => 'reference subject',
        subject => 'reference subject',
        encounter => 'reference encounter', performer => 'reference performer', 'component-code' =>
            'token component.code', 'value-concept' => 'token valueCodeableConcept' },
    Condition => { code => 'token code', category => 'token category', clinicalstatus => 'token clinicalStatus',
        'date-recorded' => 'date dateRecorded', patient => 'reference patient', severity => 'token severity',
        encounter => 'reference encounter', onset => 'date onsetDateTime onsetPeriod' },
    AllergyIntolerance => { substance => 'token substance reaction.substance', status => 'token status',
        criticality => 'token criticality', patient => 'reference patient', reporter => 'reference reporter' },
    MedicationOrder => { status => 'token status', datewritten => 'date dateWritten', patient => 'reference patient',
        medication => 'reference medicationReference', prescriber => 'reference prescriber',
        code => 'token medicationCodeableConcept', encounter => 'reference encounter' },
    MedicationStatement => { status => 'token status', patient => 'reference patient' },
    Immunization => { status => 'token status', date => 'date date', 'vaccine-code' => 'token vaccineCode',
        patient => 'reference patient', notgiven => 'token wasNotGiven', location => 'reference location' },
    Procedure => { code => 'token code', date => 'date performedDateTime performedPeriod',
        patient => 'reference subject', encounter => 'reference encounter' },
    Encounter => { status => 'token status', date => 'date period', patient => 'reference patient',
        type => 'token type', reason => 'token reason' },
    Goal => { patient => 'reference subject', status => 'token status', targetdate => 'date targetDate',
        date => 'date startDate targetDate statusDate' },
    DiagnosticReport => { status => 'token status', code => 'token code', category => 'token category',
        date => 'date effectiveDateTime effectivePeriod', issued => 'date issued', patient => 'reference subject',
        result => 'reference result' },
    DocumentReference => { type => 'token type', class => 'token class', status => 'token status',
        patient => 'reference subject', indexed => 'date indexed', created => 'date created',
        period => 'date context.period' },
    CarePlan => { category => 'token category', status => 'token status', patient => 'reference subject',
        date => 'date period' },
    Device => { type => 'token type', patient => 'reference patient', udi => 'string udi' },
    Practitioner => { family => 'string name.family', identifier => 'token identifier' },
    Organization => { name => 'string name', identifier => 'token identifier' },
    Coverage => { issuer => 'reference issuer', type => 'token type' },
);

my %all;
for my $type (sort keys %PARAMS) {
    my $next = "/dev/dstu2/$type?_count=1000";
    while ($next) {
        my $page = $t->get($next);
        push @{ $all{$type} }, $page->resources;
        $next = $page->link('next');
    }
}

# ---- values ----

sub at {
    my ($node, @path) = @_;
    return map { at($_, @path) } @$node if ref $node eq 'ARRAY';
    return defined $node ? $node : () unless @path;
    my ($name, @rest) = @path;
    return ref $node eq 'HASH' && exists $node->{$name} ? at($node->{$name}, @rest) : ();
}
# What a parameter looks at, ready to be compared; found once for each resource, as thousands of queries ask for it.
my %found;
sub values_of { my ($resource, $param) = @_; my (undef, @paths) = split / /, $param;
    return @{ $found{$param}{ 0 + $resource } //= [ map { at($resource, split /\./) } @paths ] } }
sub written { return ' ' . lc($_[0]) =~ s/\s+/ /gr =~ s/^ | $//gr }
my %READY = (string => sub { [ ' ' . folded($_[0]), written($_[0]) ] }, token => sub { [ codes($_[0]) ] },
    date => sub { interval($_[0]) }, reference => sub { $_[0]{reference} });
my %ready;
sub ready { my ($resource, $param) = @_; my ($kind) = split / /, $param;
    return @{ $ready{$param}{ 0 + $resource } //= [ map { $READY{$kind}->($_) } values_of($resource, $param) ] } }

# [system or undef, code] of what a token looks at.
sub codes {
    my ($value) = @_;
    return [ undef, $value ? 'true' : 'false' ] if JSON::PP::is_bool($value);
    return [ undef, $value ] unless ref $value;
    return map { codes($_) } @{ $value->{coding} } if $value->{coding};
    # a ContactPoint's system is a kind of contact, not a system of codes
    return [ ($value->{system} // '') =~ /:/ ? $value->{system} : undef, $value->{value} ]
        if exists $value->{value} and !exists $value->{code};
    return defined $value->{code} ? [ @{$value}{ qw(system code) } ] : ();
}

# [low, high) in seconds.
sub interval {
    my ($text) = @_;
    return [ $text->{start} ? interval($text->{start})->[0] : -9e15, $text->{end} ? interval($text->{end})->[1] : 9e15 ]
        if ref $text;
    my ($y, $mo, $d, $h, $mi, $s, $zone) = $text
        =~ /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?(Z|[+-]\d\d:\d\d)?)?)?)?$/ or die $text;
    my $low = timegm(0, $mi // 0, $h // 0, $d // 1, ($mo // 1) - 1, $y) + ($s // 0);
    $low -= "${1}1" * ($2 * 3600 + $3 * 60) if $zone and $zone =~ /^([+-])(\d\d):(\d\d)/;
    my $high = defined $s ? $low + ($s =~ /\./ ? 0.001 : 1) : defined $h ? $low + 60 : $d ? $low + 86400
        : $mo ? timegm(0, 0, 0, 1, $mo % 12, $mo == 12 ? $y + 1 : $y) : timegm(0, 0, 0, 1, 0, $y + 1);
    return [ $low, $high ];
}

# Case, accents and punctuation do not count; of what is punctuation alone it does, in what is written.
sub folded {
    my ($text) = @_;
    return lc(NFD($text) =~ tr/ĐđŁłØø/DdLlOo/r) =~ s/\pM//gr =~ s/['’]//gr =~ s/[^\w]+/ /gr =~ s/^ | $//gr;
}

# ---- the rules ----

my %DATE = (
    eq => sub { my ($v, $p) = @_; $p->[0] <= $v->[0] && $v->[1] <= $p->[1] },
    gt => sub { my ($v, $p) = @_; $v->[1] > $p->[1] },
    lt => sub { my ($v, $p) = @_; $v->[0] < $p->[0] },
);
$DATE{ge} = sub { $DATE{gt}->(@_) || $DATE{eq}->(@_) };
$DATE{le} = sub { $DATE{lt}->(@_) || $DATE{eq}->(@_) };
$DATE{ne} = sub { !$DATE{eq}->(@_) };

sub meets {
    my ($resource, $query) = @_;
    my @found = ready($resource, $query->{param});
    # a concept of text alone has no code to be found by
    @found = grep { @$_ } @found if $query->{modifier} eq ':missing' and $query->{param} =~ /^token/;
    return $query->{value} eq 'true' ? !@found : scalar @found if $query->{modifier} eq ':missing';
    my $hit = grep { my $one = $_; scalar grep { $query->{test}->($_, $one) } @found } @{ $query->{wanted} };
    return $query->{modifier} eq ':not' ? !$hit : $hit;
}

# By kind: what is asked, read once; and whether a value that is ready meets it.
my %WANTED = (
    string => sub { my $words = folded($_[0]); $words ne '' ? [ 0, " $words" ] : [ 1, written($_[0]) ] },
    token => sub { [ $_[0] =~ /^(?:(.*)\|)?(.*)$/ ] },
    reference => sub { qr{^(?:\w+/)?\Q$_[0]\E$} },
    date => sub { my ($prefix, $when) = $_[0] =~ /^([a-z]{2})?(.*)$/; [ $DATE{ $prefix // 'eq' }, interval($when) ] },
);
my %TEST = (
    string => sub { my ($value, $wanted) = @_; index($value->[ $wanted->[0] ], $wanted->[1]) >= 0 },
    token => sub { my ($value, $wanted) = @_; my ($system, $code) = @$wanted;
        return scalar grep { (!defined $system || ($_->[0] // '') eq $system) && ($code eq '' || $_->[1] eq $code) }
            @$value },
    reference => sub { my ($value, $wanted) = @_; defined $value && $value =~ $wanted },
    date => sub { my ($value, $wanted) = @_; $wanted->[0]->($value, $wanted->[1]) },
);

# ---- queries ----

sub pick { return $_[rand @_] }

sub value_for {
    my ($kind, $value) = @_;
    if ($kind eq 'token') {
        my @codings = codes($value) or return;
        my ($system, $code) = @{ pick(@codings) };
        return unless defined $code and "$code$kind" !~ /[,|\$\\]/;
        return defined $system && rand() < 0.5 ? "$system|$code" : $code;
    }
    return $value->{reference} && $value->{reference} =~ m{^(\w+/(.+))$} ? pick($1, $2) : () if $kind eq 'reference';
    if ($kind eq 'date') {
        my $text = ref $value ? $value->{start} // return : $value;
        my ($day) = $text =~ /^(\d{4}(?:-\d\d(?:-\d\d)?)?)/;
        $day = substr $day, 0, pick(4, 7, 10) if rand() < 0.7;
        return pick('', 'eq', 'ge', 'gt', 'le', 'lt') . $day;
    }
    return if ref $value or $value !~ /^[ -~]+$/ or $value =~ /[,|\$\\]/;
    return substr $value, 0, 1 + int rand length $value;
}

sub condition {
    my ($type) = @_;
    my $name = pick(sort keys %{ $PARAMS{$type} });
    my $param = $PARAMS{$type}{$name};
    my ($kind) = split / /, $param;
    my %query = (name => $name, param => $param, test => $TEST{$kind}, modifier => '');
    if (rand() < 0.05 and $name ne 'notgiven') {
        @query{ qw(modifier value) } = (':missing', pick('true', 'false'));
        return \%query;
    }
    my @values;
    for (1 .. (rand() < 0.25 ? 2 : 1)) {
        my ($value) = values_of(pick(@{ $all{$type} }), $param) or next;
        push @values, grep { defined } value_for($kind, $value);
    }
    return unless @values;
    $query{wanted} = [ map { $WANTED{$kind}->($_) } @values ];
    $query{value} = join ',', @values;
    $query{modifier} = ':not' if $kind eq 'token' and rand() < 0.15;
    return \%query;
}

sub encoded { my ($text) = @_; utf8::encode($text); return $text =~ s/([^\w.~:\/,-])/sprintf '%%%02X', ord $1/ger }

my ($asked, $wrong, $hits) = (0, 0, 0);
# Shown as they come: a run that is cut short has said what it found.
sub wrong { $wrong++; diag(substr $_[0], 0, 300) if $wrong <= 100 }
for (1 .. $queries) {
    my $type = pick(grep { @{ $all{$_} || [] } } sort keys %PARAMS);
    my @conditions = grep { $_ } map { condition($type) } 1 .. (rand() < 0.4 ? 2 : 1);
    redo unless @conditions;
    # teams are plans only when they are asked for, which the first page of all does not
    redo if $type eq 'CarePlan' and grep { ($_->{value} // '') =~ /careteam/ } @conditions;
    my $query = join '&', map { "$_->{name}$_->{modifier}=" . encoded($_->{value}) } @conditions;
    my @due = sort map { $_->{id} } grep { my $r = $_; !grep { !meets($r, $_) } @conditions } @{ $all{$type} };
    my (@got, $next);
    for ($next = "/dev/dstu2/$type?$query&_count=1000&_elements=id"; $next;) {
        my $page = $t->get($next, Prefer => 'handling=strict');
        wrong("$type?$query: " . $page->status . ' ' . $page->body) if $page->status != 200;
        push @got, grep { defined } $page->ids;
        $next = $page->status == 200 ? $page->link('next') : undef;
    }
    $asked++;
    $hits++ if @due;
    next if join(' ', sort @got) eq join ' ', @due;
    my (%got, %due);
    @got{@got} = @due{@due} = ();
    wrong("$type?$query: too much: @{[ grep { !exists $due{$_} } @got ]}; "
        . "missing: @{[ grep { !exists $got{$_} } @due ]}");
}
is $wrong, 0, "$asked queries find what they should (seed $seed)";
cmp_ok $hits, '>', $asked / 2, "$hits of them find something";
$t->done;
