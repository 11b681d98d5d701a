#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# US Core's tables of requirements, replayed on the sample patients: each search parameter by itself, each
# combination, comparator, OR list, _include and _revinclude that a release from 3.1.1 to 9.0.0 names, SHALL,
# SHOULD or MAY. What must be found is worked out here, from the resources as they were loaded.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(built read_file run write_file);
use JSON::PP ();
use Test::More;
use Time::Local qw(timegm);
use Unicode::Normalize qw(NFD);

# Rows of t/us-core.tsv, and those that only 9.0.0 has.
my @rows = map { [ split /\t/ ] } grep { !/^#/ } split /\n/, read_file(source_dir() . '/t/us-core.tsv');
push @rows, map { [ 'FamilyMemberHistory', @$_ ] } [ param => 'patient', 'S' ], [ param => 'code', 'm' ],
    [ combination => 'patient+code', 's' ], [ revinclude => 'Provenance:target', 'S' ];

# ---- the data ----

# Of the types that there are many of, some; evenly, so that all patients have a part.
my $MANY = 60;
my $sample = work_dir() . '/sample.ndjson';
my $done = run({}, built('fhirctl'), 'sample', '--patients', 12, '--as-of', '2026-11-20', '--out', $sample);
is($done->{status}, 0, 'fhirctl sample') or diag($done->{err});
my (%lines, %resources, $json);
open my $in, '<:raw', $sample or die $!;
while (my $line = <$in>) { push @{ $lines{$1} }, $line if $line =~ /"resourceType":"(\w+)"/ }
close $in;
$json = JSON::PP->new->utf8;
for my $type (keys %lines) {
    my @lines = @{ $lines{$type} };
    my $step = @lines > $MANY ? @lines / $MANY : 1;
    $resources{$type} = [ map { $json->decode($lines[ int($_ * $step) ]) } 0 .. ($step > 1 ? $MANY : @lines) - 1 ];
}
my ($anyone) = @{ $resources{Patient} };
my $family = { resourceType => 'FamilyMemberHistory', id => 'fmh', status => 'completed',
    patient => { reference => "Patient/$anyone->{id}" },
    relationship => { text => 'mother' },
    condition => [ { code => { coding => [ { system => 'http://snomed.info/sct', code => '73211009' } ] } } ] };
my $traced = { resourceType => 'Provenance', id => 'traced', recorded => '2020-01-01T00:00:00Z',
    agent => [ { who => { reference => 'Organization/riverbend' } } ],
    target => [ { reference => 'FamilyMemberHistory/fmh' }, map { { reference => "$_/" . $resources{$_}[0]{id} } }
        grep { $_ !~ /^(?:Provenance|Binary)$/ } sort keys %resources ] };
$resources{FamilyMemberHistory} = [$family];
push @{ $resources{Provenance} }, $traced;
my $t = FHIR::Test->new;
$t->load(write_file(work_dir() . '/some.ndjson', join '',
        map { $json->encode($_) . "\n" } map { @$_ } values %resources));
my %by_id = map { ("$_->{resourceType}/$_->{id}" => $_) } map { @$_ } values %resources;

# ---- values of a resource ----

my %path = (
    'CarePlan.date' => 'period', 'CareTeam.role' => 'participant.role',
    'Condition.abatement-date' => 'abatementDateTime abatementPeriod',
    'Condition.onset-date' => 'onsetDateTime onsetPeriod', 'Coverage.patient' => 'beneficiary',
    'DiagnosticReport.date' => 'effectiveDateTime effectivePeriod', 'DocumentReference.period' => 'context.period',
    'Encounter.date' => 'period',
    'Encounter.discharge-disposition' => 'hospitalization.dischargeDisposition',
    'Encounter.location' => 'location.location',
    'FamilyMemberHistory.code' => 'condition.code', 'Goal.target-date' => 'target.dueDate',
    'Immunization.date' => 'occurrenceDateTime',
    'Location.name' => 'name alias', 'MedicationRequest.authoredon' => 'authoredOn',
    'Observation.date' => 'effectiveDateTime effectivePeriod effectiveInstant',
    'Organization.name' => 'name alias', 'Patient.birthdate' => 'birthDate', 'Patient.death-date' => 'deceasedDateTime',
    'Patient.family' => 'name.family',
    'Patient.given' => 'name.given', 'Procedure.date' => 'performedDateTime performedPeriod',
    'ServiceRequest.authored' => 'authoredOn',
    (map { ("$_.patient" => 'patient') } qw(AllergyIntolerance Device FamilyMemberHistory Immunization RelatedPerson)),
    (map { ("$_.address-city" => 'address.city', "$_.address-state" => 'address.state',
        "$_.address-postalcode" => 'address.postalCode') } 'Location'),
    '_tag' => 'meta.tag', '_id' => 'id', 'patient' => 'subject',
);
my %include_path = ('CareTeam:participant' => 'participant.member',
    'MedicationRequest:medication' => 'medicationReference',
    'MedicationDispense:medication' => 'medicationReference', 'PractitionerRole:endpoint' => 'endpoint',
    'PractitionerRole:practitioner' => 'practitioner', 'Provenance:target' => 'target');
my $DATE = qr/^(?:.*date|authored|authoredon|period|_lastUpdated)$/;
my $STRING = qr/^(?:name|family|given|address.*)$/;

sub at {
    my ($value, @steps) = @_;
    return map { at($_, @steps) } @$value if ref $value eq 'ARRAY';
    return $value if !@steps;
    my $step = shift @steps;
    return ref $value eq 'HASH' && defined $value->{$step} ? at($value->{$step}, @steps) : ();
}

sub raw {
    my ($resource, $name) = @_;
    my $type = $resource->{resourceType};
    return map { $_->{valueDateTime} } grep { $_->{url} =~ /condition-assertedDate$/ } @{ $resource->{extension} || [] }
        if $name eq 'asserted-date';
    return ($resource->{name}) x !!$resource->{name} if $name eq 'name' and ref $resource->{name} eq 'HASH';
    my $paths = $path{"$type.$name"} // $path{$name} // $name =~ s/-(\w)/\u$1/gr;
    return map { at($resource, split /\./, $_) } split / /, $paths;
}

my %cache;
sub cached {
    my ($what, $make, $resource, $name) = @_;
    return @{ $cache{$what}{"$resource->{resourceType}/$resource->{id}"}{$name} ||= [ $make->($resource, $name) ] };
}
sub tokens { return cached(tokens => \&make_tokens, @_) }
sub strings { return cached(strings => \&make_strings, @_) }
sub references { return cached(references => \&make_references, @_) }
sub periods { return cached(periods => \&make_periods, @_) }

# [system or undef, code] of each coding
sub make_tokens {
    return map {
        !ref $_ ? [ undef, $_ ] : $_->{coding} ? (map { [ @$_{qw(system code)} ] } @{ $_->{coding} })
            : exists $_->{code} ? [ @$_{qw(system code)} ] : exists $_->{value} ? [ @$_{qw(system value)} ] : ()
    } raw(@_);
}

my @NAME = qw(text family given prefix suffix);
my @ADDRESS = qw(text line city district state postalCode country);
my %folded;
sub fold { return $folded{ $_[0] } //= lc(NFD($_[0])) =~ s/\p{Mn}//gr =~ tr/\x{111}\x{F8}\x{142}/dol/r =~
        s/['\x{2019}]//gr =~ s/\b(\w)\./$1/gr =~ s/(?!\d\.\d)(?<=.)\p{P}(?<!\d\.(?=\d))/ /gr =~ s/\s+/ /gr
            =~ s/^ | $//gr }
sub make_strings { return map { my $v = $_; ref $v ? map { at($v, $_) } ($v->{family} || $v->{given} ? @NAME : @ADDRESS)
        : $v } raw(@_) }
sub make_references { return map { ref $_ ? $_->{reference} // () : $_ } raw(@_) }

# Seconds since 1970 at which a date begins and ends; the sample says all times in full, with a zone.
sub interval {
    my ($text) = @_;
    my ($y, $m, $d, $time, $zone) = $text =~ /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T([\d:.]+)(Z|[+-]\d\d:\d\d))?)?)?$/
        or die "$text is no date";
    return (timegm(0, 0, 0, 1, 0, $y), timegm(0, 0, 0, 1, 0, $y + 1)) if !$m;
    return (timegm(0, 0, 0, 1, $m - 1, $y), $m == 12 ? timegm(0, 0, 0, 1, 0, $y + 1) : timegm(0, 0, 0, 1, $m, $y))
        if !$d;
    my $low = timegm(0, 0, 0, $d, $m - 1, $y);
    return ($low, $low + 86400) if !$time;
    my ($hour, $minute, $second, $fraction) = $time =~ /^(\d\d):(\d\d):(\d\d)(\.\d+)?$/ or die "$text is no time";
    $low += ($hour * 60 + $minute) * 60 + $second + ($fraction // 0);
    $low -= ($1 eq '-' ? -1 : 1) * ($2 * 60 + $3) * 60 if $zone =~ /([+-])(\d\d):(\d\d)/;
    return ($low, $low + ($fraction ? 10**(1 - length $fraction) : 1));
}

sub make_periods {
    return map { !ref $_ ? [ interval($_) ] : [ $_->{start} ? (interval($_->{start}))[0] : '-inf', $_->{end}
            ? (interval($_->{end}))[1] : 'inf' ] } raw(@_);
}

# Does one stored interval meet prefix and value?
sub date_meets {
    my ($stored, $value) = @_;
    my ($prefix, $text) = $value =~ /^([a-z]{2})?(.*)/;
    my ($low, $high) = interval($text);
    my ($l, $h) = @$stored;
    my $within = ($low <= $l and $h <= $high);
    return $within if !$prefix;
    return $h > $high if $prefix eq 'gt';
    return $l < $low if $prefix eq 'lt';
    return ($h > $high or $within) if $prefix eq 'ge';
    return ($l < $low or $within) if $prefix eq 'le';
    die $prefix;
}

my $loaded_at = time;
sub meets {
    my ($resource, $name, $value) = @_;
    my @values = split /(?<!\\),/, $value;
    s/\\([,\$|\\])/$1/g for $name =~ $STRING ? @values : ();
    for my $one (@values) {
        return 1 if $name eq '_lastUpdated' ? date_meets([ $loaded_at, $loaded_at ], $one)
            : $name =~ $DATE ? grep { date_meets($_, $one) } periods($resource, $name)
            : $name =~ $STRING ? grep { index(' ' . fold($_), ' ' . fold($one)) >= 0 } strings($resource, $name)
            : grep({ my $r = $_; $r eq $one or $r =~ m{^\w+/\Q$one\E$} } references($resource, $name))
            || grep({ my ($s, $c) = @$_; $one eq ($c // '') or defined $s && $one eq "$s|" . ($c // '') } $name
                =~ /^(?:patient|encounter|location|questionnaire|practitioner)$/ ? () : tokens($resource, $name));
    }
    return 0;
}

# ---- requests ----

sub escaped { my ($text) = @_; utf8::encode($text); return $text =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ger }

sub found {
    my ($response) = @_;
    return $response->status . ' ' . substr $response->body, 0, 300 if $response->status != 200;
    return 'there are further pages' if $response->body =~ /"relation":"next"/;
    return join ' ', sort $response->body =~ m{"fullUrl":"[^"]*/([^"/]+)"}g;
}

my ($asked, %hits) = (0);
# Asks, and compares with the resources that meet all of it.
sub differs {
    my ($type, %query) = @_;
    my @names = sort keys %query;
    my @expected = grep { my $r = $_; !grep { !meets($r, $_, $query{$_}) } @names } @{ $resources{$type} };
    my $expected = join ' ', sort map { $_->{id} } @expected;
    my $text = join '&', map { "$_=" . escaped($query{$_}) } @names;
    my $found = found($t->get("/dev/r4/$type?$text&_elements=id&_count=1000"));
    $asked++;
    $hits{current} += @expected;
    return $found eq $expected ? () : "$type?$text\n  found    " . substr($found, 0, 300) . "\n  expected "
        . substr $expected, 0, 300;
}

# Some of the type's resources that have a value of each parameter, evenly.
sub with_values {
    my ($type, $most, @names) = @_;
    my @all = grep { my $r = $_; !grep { !(() = forms($r, $_)) } @names } @{ $resources{$type} || [] };
    my $step = @all > $most ? @all / $most : 1;
    return map { $all[ int($_ * $step) ] } 0 .. ($step > 1 ? $most : @all) - 1;
}

my $plain = sub { my ($v) = @_; return $v =~ s/([,\$|\\])/\\$1/gr };

# The forms of a resource's values for one parameter that a client may send.
sub forms {
    my ($resource, $name) = @_;
    return ('gt2000-01-01T00:00:00Z', 'ge2000', 'lt2000-01-01T00:00:00+00:00', 'le2099-12-31')
        if $name eq '_lastUpdated';
    if ($name =~ $DATE) {
        my ($period) = periods($resource, $name);
        my ($l, $h) = map { /inf/ ? undef : $_ } @$period;
        my ($first) = grep { !ref } raw($resource, $name);
        my @days = map { my @t = gmtime $_; sprintf '%04d-%02d-%02dT%02d:%02d:%02d+00:00', $t[5] + 1900, $t[4] + 1,
            @t[ 3, 2, 1, 0 ] }
            map { ($_ - 86400, $_ + 86400) } grep { defined } $l, $h;
        return ((map { my $day = $_; map { "$_$day" } qw(gt ge lt le) } @days),
            $first ? ($first, substr($first, 0, 10), substr($first, 0, 7), map { "$_$first" } qw(gt ge lt le)) : ());
    }
    return map { my $s = $_; ($plain->($s), $plain->(lc substr($s, 0, 3) =~ s/\s+$//r)) } (strings($resource, $name))[0]
        // () if $name =~ $STRING;
    if (my ($reference) = references($resource, $name)) { return ($reference, $name eq 'questionnaire' ? ()
            : $reference =~ s{.*/}{}r) }
    return map { my ($s, $c) = @$_; ($plain->($c), defined $s ? "$s|" . $plain->($c) : ()) } grep {
        defined $_->[1] } (tokens($resource, $name))[0] // ();
}

# Every code that the data has, as one OR list, and the codes that it does not have.
my %CODES = (
    'CareTeam.status' => [qw(proposed active suspended inactive entered-in-error)],
    'MedicationRequest.intent' => [qw(proposal plan order original-order reflex-order filler-order instance-order
        option)],
    'MedicationRequest.status' => [qw(active on-hold cancelled completed entered-in-error stopped draft unknown)],
    'Observation.status' => [qw(registered preliminary final amended corrected cancelled entered-in-error unknown)],
);

for my $row (@rows) {
    my ($type, $kind, $name, $releases, $must) = @$row;
    next unless $kind =~ /^(?:param|combination|include|revinclude)$/;
    my @wrong;
    $hits{current} = 0;
    if ($kind eq 'param') {
        my %seen;
        for my $resource (with_values($type, 6, $name)) {
            push @wrong, map { differs($type, $name => $_) } grep { !$seen{$_}++ } forms($resource, $name);
        }
        if (($must // '') =~ /\bor\b/ or $CODES{"$type.$name"}) {
            my %codes = map { ($_->[1] => 1) } map { tokens($_, $name) } @{ $resources{$type} };
            push @wrong, differs($type, $name => join ',', sort keys %codes);
            my ($patient) = references($resources{$type}[0], 'patient');
            push @wrong, map { differs($type, $name => $_, patient => $patient) } @{ $CODES{"$type.$name"} || [] };
        }
        my $comparators = () = ($must // '') =~ /\b(?:gt|ge|lt|le)\b/g;
        push @wrong, 'its comparators are not replayed' if $comparators and $name !~ $DATE;
    }
    elsif ($kind eq 'combination') {
        my @names = split /\+/, $name;
        for my $resource (with_values($type, 4, @names)) {
            my %forms = map { $_ => [ forms($resource, $_) ] } @names;
            my ($most) = sort { $b <=> $a } map { scalar @{ $forms{$_} } } @names;
            for my $i (0 .. $most - 1) { push @wrong,
                differs($type, map { ($_ => $forms{$_}[ $i % @{ $forms{$_} } ]) } @names) }
        }
        # the first, as a form and with the reference's type
        if (my ($resource) = with_values($type, 1, @names)) {
            my %query = map { ($_ => (forms($resource, $_))[0]) } @names;
            my $text = join '&', map { "$_=" . escaped($query{$_}) } @names;
            my ($get, $post) = map { found($_) } $t->get("/dev/r4/$type?$text&_count=1000"),
                $t->post("/dev/r4/$type/_search", "$text&_count=1000",
                    'Content-Type' => 'application/x-www-form-urlencoded');
            push @wrong, "POST $type/_search $text: $post, not $get" if $get ne $post;
        }
    }
    else {
        my ($source, $parameter, $target) = split /:/, $name;
        my @matched = @{ $resources{ $kind eq 'include' ? $source : $type } };
        # matches and what is included with them
        my %of;
        for my $holder (@{ $resources{$source} }) {
            for my $reference (map { $_->{reference} // () } map { at($holder, split /\./,
                    $_) } $include_path{"$source:$parameter"}) {
                next if !$by_id{$reference} or ($target and $reference !~ m{^$target/});
                if ($kind eq 'include') { $of{ $holder->{id} }{$reference} = 1 }
                elsif ($reference =~ m{^$type/(.*)}) { $of{$1}{"$source/$holder->{id}"} = 1 }
            }
        }
        my @with = sort keys %of;
        @with = @with[ 0 .. 9 ] if @with > 10;
        my $searched = $kind eq 'include' ? $source : $type;
        my ($parameter_name) = $kind eq 'include' ? '_include' : '_revinclude';
        my $answer = $t->get("/dev/r4/$searched?_id=" . join(',', @with, 'none') . "&$parameter_name=$name")->json;
        my $found = join ' ', sort map { "$_->{resource}{resourceType}/$_->{resource}{id}" } grep {
            $_->{search}{mode} eq 'include' } @{ $answer->{entry} || [] };
        my %expected = map { %{ $of{$_} } } @with;
        push @wrong, "$searched?$parameter_name=$name\n  found    $found\n  expected @{[ sort keys %expected ]}"
            if $found ne join ' ', sort keys %expected;
        $hits{current} = keys %expected;
        $asked++;
    }
    push @wrong, 'nothing in the data is found by it' if !$hits{current};
    splice @wrong, 5, @wrong, '…' if @wrong > 5;
    is(join("\n", @wrong), '', "$type $kind $name ($releases)");
}
cmp_ok($asked, '>', 1000, "$asked requests");

# ---- what a client does with the answers ----

for my $type (qw(Observation DocumentReference MedicationRequest Patient)) {
    my ($patient) = $type eq 'Patient' ? () : references($resources{$type}[0], 'patient');
    my $url = "/dev/r4/$type" . ($patient ? "?patient=$patient" : '');
    my ($pages, @ids) = (0);
    while ($url and $pages++ < 20) {
        my $bundle = $t->get($url)->json;
        push @ids, map { $_->{resource}{id} } @{ $bundle->{entry} || [] };
        ($url) = map { $_->{url} =~ s{^https?://[^/]*}{}r } grep { $_->{relation} eq 'next' } @{ $bundle->{link} };
    }
    my @expected = grep { !$patient or meets($_, 'patient', $patient) } @{ $resources{$type} };
    is(join(' ', sort @ids), join(' ', sort map { $_->{id} } @expected),
        "$type: all pages of a patient, by default sizes");
}
my %referred = map { $_ => 1 } map { $_->{reference}
    =~ m{^((?:Practitioner|Organization|Location|PractitionerRole|RelatedPerson)/.*)} ? $1 : () }
    grep { ref $_ eq 'HASH' and $_->{reference} } map { my $r = $_; map { at($r,
            $_) } qw(author custodian performer location.location participant.individual) } @{
            $resources{DocumentReference} }, @{ $resources{Encounter} };
my @read = grep { $by_id{$_} } sort keys %referred;
is(join(' ', grep { $t->get("/dev/r4/$_")->json->{id} ne s{.*/}{}r } @read), '', scalar(@read)
    . ' resources that are referred to can be read');
cmp_ok(scalar @read, '>', 10, 'which are some');

$t->done;
