# SPDX-License-Identifier: Apache-2.0
# fhirctl sample: the same options give the same bytes, shards are parts of the whole, references
# resolve, nothing lies before birth, after death or after the last day.
use strict;
use warnings;
use FHIR::Test::System qw(built run work_dir);
use JSON::PP ();
use Test::More;

my $as_of = '2026-11-20';
my $json = JSON::PP->new->utf8;

sub sample {
    my @options = @_;
    my $done = run({}, built('fhirctl'), 'sample', '--as-of', $as_of, @options);
    is($done->{status}, 0, "fhirctl sample @options") or diag($done->{err});
    return $done->{out};
}

sub sorted { return join '', sort map { "$_\n" } split /\n/, shift }

# Patient 10 is empty; from 13 on people are ordinary.
my $whole = sample('--patients', 20);
is(sample('--patients', 20), $whole, 'the same bytes again');
my $more = sample('--patients', 24);
is(substr($more, 0, length $whole), $whole, 'more patients leave the first ones as they are');
is(sorted(join '', map { sample('--patients', 20, '--shard', "$_/3") } 1 .. 3), sorted($whole),
    'three shards are the whole');

my $other = sample('--patients', 20, '--seed', 2);
my %first = map { $_ => 1 } split /\n/, sample('--patients', 12);
is(scalar(grep { !$first{$_} } split /\n/, sample('--patients', 12, '--seed', 2)), 0,
    'the first patients do not depend on the seed');
isnt($other, $whole, 'the others do');

my @resources = map { $json->decode($_) } split /\n/, $whole;
my (%there, %patient_of, $current, %count);
for my $resource (@resources) {
    my $key = "$resource->{resourceType}/$resource->{id}";
    push @{ $there{double} }, $key if $there{$key};
    $there{$key} = $resource;
    $current = $resource if $resource->{resourceType} eq 'Patient';
    $patient_of{$key} = $current;
    $count{ $resource->{resourceType} }++;
}
is_deeply($there{double} // [], [], 'each id is there once');
is($count{Patient}, 20, 'as many patients as asked for');
is_deeply([grep { !/^[A-Za-z0-9.\-]{1,64}$/ } map { $_->{id} } @resources], [], 'ids are ids');

# Calls the function for each member below a resource: (name, value).
sub walk {
    my ($value, $each, $name) = @_;
    if (ref $value eq 'HASH') {
        walk($value->{$_}, $each, $_) for keys %$value;
    }
    elsif (ref $value eq 'ARRAY') {
        walk($_, $each, $name) for @$value;
    }
    else {
        $each->($name, $value);
    }
    return;
}

my (%dangling, %attachment);
for my $resource (@resources) {
    walk($resource, sub {
        my ($name, $value) = @_;
        return if $name ne 'reference' && !($name eq 'url' && $value =~ /^Binary\//);
        $attachment{$value} = 1 if $name eq 'url';
        $dangling{$value} = 1 if $value !~ /^#/ && !$there{$value};
    });
}
is_deeply([sort keys %dangling], [], 'references and attachments resolve');
cmp_ok(scalar keys %attachment, '>', 20, 'there are attachments');

# Dates of clinical resources; plans may look ahead, addresses and devices back.
my %exempt = map { $_ => 1 } qw(Patient Goal Coverage RelatedPerson Device Appointment Slot);
my @wrong;
for my $key (sort keys %patient_of) {
    my $patient = $patient_of{$key} or next;
    my ($type) = split /\//, $key;
    next if $exempt{$type};
    my $last = substr $patient->{deceasedDateTime} // $as_of, 0, 10;
    walk($there{$key}, sub {
        my ($name, $value) = @_;
        return unless $value =~ /^(\d{4}(?:-\d\d(?:-\d\d)?)?)(?:T\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:00)?$/;
        my ($day, $birth) = ($1, $patient->{birthDate});
        return if $name =~ /^(?:value|identifier|code|version)/ && length $day == 4;
        my $length = length $day < length $birth ? length $day : length $birth;
        push @wrong, "$key $name $value" if substr($day, 0, $length) lt substr($birth, 0, $length)
            || $day gt $last && substr($last, 0, length $day) ne $day;
    });
}
is_deeply(\@wrong, [], 'no date before birth, after death or after the last day');

# Schedules: four weeks back and six ahead, no slot given twice, no doctor at two places at once.
my %of;
push @{ $of{ $_->{resourceType} } }, $_ for @resources;
my (%held, @clash, %day, %seen_at);
for my $appointment (@{ $of{Appointment} }) {
    my $key = "Appointment/$appointment->{id}";
    my ($slot) = map { $there{ $_->{reference} } } @{ $appointment->{slot} || [] };
    if ($appointment->{status} eq 'cancelled') {
        push @clash, "$key keeps a slot" if $slot;
        push @clash, "$key has no reason" if !$appointment->{cancelationReason};
        next;
    }
    push @clash, "$key has no slot" and next if !$slot;
    push @clash, "$key shares a slot" if $held{ $slot->{id} }++;
    push @clash, "$key is at another time" if grep { $slot->{$_} ne $appointment->{$_} } qw(start end);
    push @clash, "$key: slot $slot->{status}"
        if $slot->{status} ne ($appointment->{status} eq 'pending' ? 'busy-tentative' : 'busy');
    $seen_at{"$appointment->{start} $appointment->{participant}[0]{actor}{reference}"} = $key
        if $appointment->{status} eq 'fulfilled';
}
my %busy;
for my $slot (@{ $of{Slot} }) {
    push @clash, "Slot/$slot->{id} overlaps" if $busy{"$slot->{schedule}{reference} $slot->{start}"}++;
    $day{ substr $slot->{start}, 0, 10 } = 1;
}
for my $encounter (@{ $of{Encounter} }) {
    my ($kept) = map { $there{ $_->{reference} } } @{ $encounter->{appointment} || [] } or next;
    delete $seen_at{"$kept->{start} $encounter->{subject}{reference}"};
    push @clash, "Encounter/$encounter->{id}"
        if substr($encounter->{period}{start}, 0, 16) ne substr $kept->{start}, 0, 16;
}
is(join("\n", @clash), '', 'no slot is given twice');
is(join("\n", values %seen_at), '', 'each kept appointment was a visit');
my ($first_day, $last_day) = (sort keys %day)[0, -1];
ok($first_day le '2026-10-26' && $first_day ge '2026-10-19', "the slots begin a month ago: $first_day");
is($last_day, '2027-01-01', 'and go on for six weeks');
is_deeply([ sort keys %{ { map { $_->{status} => 1 } @{ $of{Appointment} } } } ],
    [ qw(booked cancelled fulfilled noshow pending) ], 'appointments of every kind');
is_deeply([ sort keys %{ { map { $_->{status} => 1 } @{ $of{Slot} } } } ],
    [ qw(busy busy-tentative busy-unavailable free) ],
    'slots of every kind');
my %variety;
for my $schedule (@{ $of{Schedule} }) {
    $variety{$_}{ $schedule->{actor}[ $_ eq 'people' ? 0 : 1 ]{reference} } = 1 for qw(people places);
    $variety{services}{ $schedule->{serviceType}[0]{coding}[0]{code} } = 1;
}
cmp_ok(scalar keys %{ $variety{$_} }, '>=', 4, "several $_") for qw(people places services);
my %given = map { $_->{status} => 1 } @{ $of{MedicationAdministration} };
is_deeply([ sort keys %given ], [ qw(completed not-done) ], 'doses given and not given');
my ($mother) = grep { my $p = $_; grep { $_->{target}{reference} eq 'Patient/siobhan-o-brien' } @{ $p->{link} } }
    @{ $of{Person} };
like($mother->{link}[0]{target}{reference}, qr{^RelatedPerson/liam-o-brien-}, 'a mother has access to the portal');

my @bundles = map { $json->decode($_) } split /\n/, sample('--patients', 13, '--shard', '13/13', '--format', 'bundle');
is(scalar @bundles, 1, 'a Bundle for the patient of this shard');
is($bundles[0]{type}, 'transaction', 'of type transaction');
my @entries = @{ $bundles[0]{entry} };
is(scalar(grep { $_->{request}{method} eq 'PUT'
        && $_->{request}{url} eq "$_->{resource}{resourceType}/$_->{resource}{id}"
        && $_->{fullUrl} =~ m{^https://.*/\Q$_->{request}{url}\E$} } @entries), scalar @entries,
    'each entry is an update of its resource');
is_deeply([map { $_->{resource} } @entries],
    [map { $json->decode($_) } split /\n/, sample('--patients', 13, '--shard', '13/13')],
    'with the resources of the NDJSON form');

# Patient 5001 lives in the second region, whose practices are written with it.
my @second = map { $json->decode($_) } split /\n/, sample('--patients', 5001, '--shard', '5001/5001');
my %second = map { ("$_->{resourceType}/$_->{id}" => 1) } @second;
is_deeply([grep { $_->{resourceType} eq 'Patient' } @second]->[0]{id}, 'p1-5001', 'patient 5001');
my %outside;
for my $resource (@second) {
    walk($resource, sub {
        my ($name, $value) = @_;
        $outside{$value} = 1 if $name eq 'reference' && $value !~ /^#|^Medication\// && !$second{$value};
    });
}
is_deeply([sort keys %outside], [], 'practices of a further region come with its first patient');

for my $case (['--patients', '0', qr/a number from 1 to/], ['--patients', 'many', qr/a number from 1 to/],
    ['--seed', '-1', qr/a number from 0 to/], ['--as-of', '2023-02-30', qr/a day from/],
    ['--format', 'xml', qr/ndjson or bundle/], ['--shard', '3/2', qr{k/n}], ['--shard', '0/2', qr{k/n}]) {
    my ($option, $value, $text) = @$case;
    my $done = run({}, built('fhirctl'), 'sample', "$option=$value");
    is($done->{status}, 2, "$option $value is not accepted");
    like($done->{err}, $text, 'and the message says what is');
}
my $file = work_dir() . '/none/sample.ndjson';
is(run({}, built('fhirctl'), 'sample', '--patients', 1, '--out', $file)->{status}, 4,
    'a file that cannot be written ends with 4');

done_testing;
