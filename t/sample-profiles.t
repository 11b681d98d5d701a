# SPDX-License-Identifier: Apache-2.0
# The first patients of fhirctl sample against US Core as published, each version by itself: every
# profile is claimed, every instance keeps what it claims, and every must-support element, slice,
# extension and choice occurs. The patients that docs/sample-data.md names for a version's test kit do
# this by themselves, without what contradicts it.
use strict;
use warnings;
use FHIR::Test::Profiles;
use FHIR::Test::System qw(built read_file run source_dir);
use JSON::PP ();
use Test::More;

my $shared = source_dir() . '/../shared/fhir';
plan skip_all => 'the US Core packages are not beside the source tree' unless -d "$shared/us-core";

my $core = 'http://hl7.org/fhir/us/core/StructureDefinition/';
my $base = 'http://hl7.org/fhir/StructureDefinition/';
my $json = JSON::PP->new->utf8;
my $done = run({}, built('fhirctl'), 'sample', '--patients', 12, '--as-of', '2026-11-20');
is($done->{status}, 0, 'fhirctl sample') or diag($done->{err});

# Many resources differ only in dates, numbers and texts: one of each kind is checked.
sub shape {
    my ($value, $name) = @_;
    return '{' . join(',', map { "$_:" . shape($value->{$_}, $_) } sort keys %$value) . '}' if ref $value eq 'HASH';
    if (ref $value eq 'ARRAY') {
        my %seen;
        return '[' . join(',', grep { !$seen{$_}++ } map { shape($_, $name) } @$value) . ']';
    }
    return $value =~ s{/.*}{}r if $name eq 'reference';
    return $name =~ /^(?:code|system|url|status|intent|use|profile|valueCode)$/ ? $value : '';
}

# Whose a resource is tells its id; others are everybody's.
my (%instances, %shapes, @patients, %shows);
for my $line (split /\n/, $done->{out}) {
    my $resource = $json->decode($line);
    push @patients, $resource->{id} if $resource->{resourceType} eq 'Patient';
    my ($of) = grep { $resource->{id} =~ /^\Q$_\E(?:-\d+)?$/ } @patients;
    if (defined $of) { # what US Core's text demands of every release, and no profile
        $shows{$of}{'an element with data-absent-reason'} = 1 if $line =~ m{StructureDefinition/data-absent-reason};
        $shows{$of}{'the code unknown'} = 1 if $line =~ m{CodeSystem/data-absent-reason","code":"unknown"};
        $shows{$of}{'a previous name'} = 1
            if $line =~ /"use":"old","family":"[^"]*","given":\[[^]]*\],"period":\{"end"/;
    }
    my $instance = $shapes{ shape($resource, '') } //= { resource => $resource };
    push @{ $instances{$_} }, $instance for $instance->{of} ? () : @{ $resource->{meta}{profile} || [] };
    $instance->{of}{ $of // 'all' } = 1;
}

# Version => { patient => 1 }
my $page = read_file(source_dir() . '/docs/sample-data.md');
my ($kits) = $page =~ /^\| US Core \| patients \|\n\|---\|---\|\n(.*?)\n\n/ms;
my %kit = map { my ($version, $list) = /^\| ([\d.]+) \| (.*) \|$/;
    ($version =~ tr/.//dr => { map { $_ => 1 } $list =~ /`([^`]+)`/g }) } split /\n/, $kits;
is(join(' ', sort keys %kit), '311 400 501 610 700 800', 'patients for the test kit of each version');
my %is_patient = map { $_ => 1 } @patients;
is(join(' ', grep { !$is_patient{$_} } map { sort keys %$_ } values %kit), '', '  which exist');

# What is wanted and cannot be: [versions, profiles, finding or element, why, 1: but for a test kit's patients].
my $simple = qr/^(?:bodyheight|bodytemp|bodyweight|heartrate|resprate|head-.*|pediatric-.*
    |us-core-(?:bmi|body-.*|head-.*|heart-rate|respiratory-rate))$/x;
my @impossible = (
    [qr/./, qr/./, qr/^\w+\.meta(?:\.lastUpdated)?$/, 'set by the server'],
    [qr/./, $simple, qr/^Observation\.component/, 'a single measurement has no components'],
    [qr/./, qr/^(?:bp|us-core-blood-pressure)$/, qr/^Observation\.value\[x\](?: as Quantity)?$/,
        'the values of a blood pressure are in its components'],
    [qr/311/, qr/^us-core-pulse-oximetry$/, qr/not in .*ucum-vitals-common/,
        'wants L/min and binds to a list without it'],
    [qr/610|700/, qr/^us-core-patient$/, qr/us-core-sex\).*type Coding is not one of code/,
        'a Coding from 8.0.0 on: each patient has one of the two', 1],
    [qr/800/, qr/^us-core-patient$/, qr/us-core-sex\).*type Code is not one of Coding/,
        'a code before 8.0.0', 1],
    [qr/311/, qr/^us-core-careteam$/, qr/a reference to (?:PractitionerRole|RelatedPerson) is not allowed/,
        'members wanted by later versions', 1],
    [qr/311|400|501/, qr/^us-core-smokingstatus$/, qr/value\[x\]/,
        'pack-years are a Quantity, wanted from 7.0.0 on', 1],
);

sub possible {
    my ($version, $profile, $text, $kit) = @_;
    return !grep { $version =~ $_->[0] && $profile =~ $_->[1] && $text =~ $_->[2] && !($kit && $_->[4]) } @impossible;
}

for my $version (qw(311 400 501 610 700 800)) {
    for my $what ('an element with data-absent-reason', 'the code unknown', 'a previous name') {
        ok(scalar(grep { $shows{$_}{$what} } keys %{ $kit{$version} }), "$version: the kit's patients have $what");
    }
    my $others = $version eq '311' ? [map { "$base$_" } qw(bodyheight bodytemp bodyweight bp heartrate resprate)] : [];
    my $package = FHIR::Test::Profiles->new(package => "$shared/us-core/us_core_$version.tgz",
        base => "$shared/r4/definitions", others => $others);
    my %type = $package->profiles;
    for my $url (sort keys %type) {
        my $name = $url =~ s{.*/}{}r;
        my (@kits, @others);
        for my $instance (@{ $instances{$url} || [] }) {
            my $is_kit = grep { $_ eq 'all' || $kit{$version}{$_} } keys %{ $instance->{of} };
            push @{ $is_kit ? \@kits : \@others }, $instance->{resource};
        }
        ok(scalar @kits, "$version $name is claimed") or next;
        my (%findings, $unmet);
        for my $kit (1, 0) {
            for my $instance ($kit ? @kits : @others) {
                $findings{$_} //= $instance->{id}
                    for grep { possible($version, $name, $_, $kit) } $package->check($instance, $url);
            }
            $unmet //= join "\n", grep { possible($version, $name, $_, $kit) } $package->unmet($url);
        }
        is(join("\n", map { "$_ ($findings{$_})" } sort keys %findings), '', "$version $name is kept");
        is($unmet, '', "$version $name must-support of the kit's patients");
    }
}

done_testing;
