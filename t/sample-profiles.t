# SPDX-License-Identifier: Apache-2.0
# The first patients of fhirctl sample against US Core as published, each version by itself: every
# profile is claimed, every instance keeps what it claims, and every must-support element, slice,
# extension and choice occurs.
use strict;
use warnings;
use FHIR::Test::Profiles;
use FHIR::Test::System qw(built run source_dir);
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

my (%instances, %shapes);
for my $line (split /\n/, $done->{out}) {
    my $resource = $json->decode($line);
    next if $shapes{ shape($resource, '') }++;
    push @{ $instances{$_} }, $resource for @{ $resource->{meta}{profile} || [] };
}

# What is wanted and cannot be: [versions, profiles, finding or element, why].
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
        'a Coding from 8.0.0 on: each patient has one of the two'],
    [qr/800/, qr/^us-core-patient$/, qr/us-core-sex\).*type Code is not one of Coding/,
        'a code before 8.0.0'],
    [qr/311/, qr/^us-core-careteam$/, qr/a reference to (?:PractitionerRole|RelatedPerson) is not allowed/,
        'members wanted by later versions'],
    [qr/311|400|501/, qr/^us-core-smokingstatus$/, qr/value\[x\]/, 'pack-years are a Quantity, wanted from 7.0.0 on'],
);

sub possible {
    my ($version, $profile, $text) = @_;
    return !grep { $version =~ $_->[0] && $profile =~ $_->[1] && $text =~ $_->[2] } @impossible;
}

for my $version (qw(311 400 501 610 700 800)) {
    my $others = $version eq '311' ? [map { "$base$_" } qw(bodyheight bodytemp bodyweight bp heartrate resprate)] : [];
    my $package = FHIR::Test::Profiles->new(package => "$shared/us-core/us_core_$version.tgz",
        base => "$shared/r4/definitions", others => $others);
    my %type = $package->profiles;
    for my $url (sort keys %type) {
        my $name = $url =~ s{.*/}{}r;
        my @instances = @{ $instances{$url} || [] };
        ok(scalar @instances, "$version $name is claimed") or next;
        my %findings;
        for my $instance (@instances) {
            $findings{$_} //= $instance->{id} for $package->check($instance, $url);
        }
        is(join("\n", map { "$_ ($findings{$_})" } grep { possible($version, $name, $_) } sort keys %findings), '',
            "$version $name is kept");
        is(join("\n", grep { possible($version, $name, $_) } $package->unmet($url)), '',
            "$version $name must-support");
    }
}

done_testing;
