# SPDX-License-Identifier: Apache-2.0
# What a2enmod of Debian's package apache2 does, so that tests load what documentation says to enable,
# and nothing else.
package FHIR::Test::Debian;

use strict;
use warnings;
use Exporter 'import';
use FHIR::Test::System qw(apxs_value read_file source_dir);

our @EXPORT_OK = qw(enable);

# The "# Depends:" lines of /etc/apache2/mods-available, of the modules that conf/ needs.
my %DEPENDS = (
    lbmethod_byrequests => ['proxy_balancer'],
    proxy_balancer => [qw(proxy alias slotmem_shm)],
    proxy_http => ['proxy'],
    ssl => [qw(setenvif mime socache_shmcb)],
);

# The LoadModule lines that the `a2enmod` commands in a text result in.
sub enable {
    my ($text) = @_;
    my (%done, @lines);
    my @names = map { split } $text =~ /\ba2enmod((?: +\w+)+)/g;
    while (defined(my $name = shift @names)) {
        next if $done{$name};
        my $ours = source_dir() . "/conf/$name.load";
        my $load = -e $ours ? read_file($ours) : "LoadModule ${name}_module "
            . apxs_value('LIBEXECDIR') . "/mod_$name.so\n";
        my @needs = grep { !$done{$_} } -e $ours ? map { split } $load =~ /^# Depends: (.*)/mg
            : @{ $DEPENDS{$name} || [] };
        if (@needs) {
            unshift @names, @needs, $name;
            next;
        }
        $done{$name} = 1;
        push @lines, $load;
    }
    return join '', @lines;
}

1;
