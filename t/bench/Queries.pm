# SPDX-License-Identifier: Apache-2.0
# Requests that ask for as much as they can (t/lib/FHIR/Test/Costly.pm), over the sample data: what the dearest
# of them cost the server.
package Queries;

use strict;
use warnings;
use Bench;
use FHIR::Test::Buffers;
use FHIR::Test::Costly;
use FHIR::Test::System qw(build_dir);

sub bench {
    my $findings = build_dir() . "/queries-$option{seed}";
    mkdir $findings;
    my $costly = FHIR::Test::Costly->new(httpd => $httpd, base => '/dev/r4', database => $database,
        postmaster => postmaster(), seed => $option{seed}, findings => $findings);
    my $n = 0;
    my $found = $costly->survey($option{requests}, 2, sub {
        my ($cost, $told) = @_;
        $n++;
        printf "%5d %s\n", $n, substr $told, 0, 300 if $cost->{cpu} > 0.5 or $cost->{memory} > 30;
    });
    my @cpu = sort { $a <=> $b } @{ $found->{cpu} };
    printf "%-16s %d requests: CPU p50 %.0f p99 %.0f ms, most %.2f s; %s\n", 'queries', scalar @cpu,
        1000 * $cpu[ @cpu / 2 ], 1000 * $cpu[ @cpu * 0.99 ], $cpu[-1],
        join ', ', map { "$found->{states}{$_} answered ${_}xx" } sort keys %{ $found->{states} };
    for (qw(slow large wrong)) {
        printf "%-16s %d %s\n", '', scalar @{ $found->{$_} }, $_;
        print "$_\n" for @{ $found->{$_} };
    }
    return;
}

# Searches that have to touch little (t/lib/FHIR/Test/Buffers.pm), at each size: those beyond their bound.
sub buffers {
    for my $tenant (map { tenant($_) } populations()) {
        my $buffers = FHIR::Test::Buffers->new(httpd => $httpd, base => "/$tenant/r4", seed => $option{seed},
            sql => sub { sql($_[0], $tenant) });
        my @searches = $buffers->searches($option{requests});
        my @faults = map { $buffers->fault($_) // () } @searches;
        printf "%-16s %s: %d searches of %s: %d beyond their bound\n", 'buffers', $tenant, scalar @searches,
            join(', ', @{ $buffers->{types} }), scalar @faults;
        print "$_\n" for @faults;
    }
    return;
}

1;
